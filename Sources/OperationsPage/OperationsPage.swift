/// The operator's page: one HTML file with its style and script in it, compiled into the program.
public enum OperationsPage {
    /// What stands for the nonce in the file.
    private static let mark = Array("NONCE".utf8)

    /// The page.
    /// - Parameter nonce: what its script and its style are allowed by, of letters and digits
    public static func html(nonce: String) -> [UInt8] {
        var html: [UInt8] = []
        for (index, piece) in pieces.enumerated() {
            if index > 0 { html.append(contentsOf: nonce.utf8) }
            html.append(contentsOf: piece)
        }
        return html
    }

    /// The file, cut where the nonce goes.
    private static let pieces: [ArraySlice<UInt8>] = {
        var rest = PackageResources.page_html[...]
        var pieces: [ArraySlice<UInt8>] = []
        while let range = rest.firstRange(of: mark) {
            pieces.append(rest[..<range.lowerBound])
            rest = rest[range.upperBound...]
        }
        return pieces + [rest]
    }()
}
