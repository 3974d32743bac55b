import TestSupport
import Testing

@testable import apron

/// The configuration page of the documentation is what the table of settings says.
@Suite struct ConfigurationPageTests {
    @Test func pageIsUpToDate() throws {
        let page = GeneratedSection("settings", of: "Sources/Worker/Worker.docc/Configuration.md")
        try page.check(SettingHelp.markdown)
    }
}
