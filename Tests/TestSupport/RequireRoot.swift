internal import Foundation
public import Testing

/// Fails the test unless it runs as root: a privileged test that does not run has shown nothing.
public func requireRoot(sourceLocation: SourceLocation = #_sourceLocation) throws {
    try #require(geteuid() == 0, "this test needs root", sourceLocation: sourceLocation)
}
