import Foundation
import Glibc
import Kernel
import TestSupport
import Testing

/// Debian's chromium without a screen, with one page.
final class Browser {
    private let scratch: Scratch
    private let devTools: DevTools
    private let pid: Int32
    private let process: SharedDescriptor
    private let session: String
    private let origin: String

    /// It needs no network but the host's own, keeps nothing, and must run as root and in containers.
    private static let arguments = [
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-breakpad",
        "--disable-extensions", "--mute-audio", "--window-size=1440,900", "--remote-debugging-pipe",
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    ]

    /// Starts it.
    /// - Parameter origin: the one server that its page may ask
    init(origin: String) throws {
        self.origin = origin
        let scratch = try Scratch()
        let commands = try Kernel.Pipe()
        let answers = try Kernel.Pipe()
        let null = try KernelFile.open("/dev/null")
        let log = try scratch.directory.openFile("log", [.writeOnly, .create, .append], mode: 0o600)
        // The program of that name is a script, and scripts cannot be run by descriptor.
        let child = try ChildProcess.start(
            program: try KernelFile.open("/bin/sh"),
            arguments: ["sh", "-c", "exec chromium \"$@\"", "sh"] + Browser.arguments
                + ["--user-data-dir=\(scratch.path)/profile", "about:blank"],
            environment: ["PATH=/usr/local/bin:/usr/bin:/bin", "HOME=\(scratch.path)", "TMPDIR=\(scratch.path)"],
            namespaces: [],
            descriptors: [null.number, log.number, log.number, commands.reader.number, answers.writer.number],
            keepsCapabilities: false)
        pid = child.pid
        process = SharedDescriptor(try child.descriptor.duplicate())
        self.scratch = scratch
        devTools = DevTools(writer: commands.releaseWriter(), reader: answers.releaseReader())
        do {
            let target = try devTools.call("Target.createTarget", ["url": "about:blank"])["targetId"].string ?? ""
            let attached = try devTools.call("Target.attachToTarget", ["targetId": target, "flatten": true])
            session = attached["sessionId"].string ?? ""
            for domain in ["Page", "Runtime", "Network", "Log"] { try call("\(domain).enable") }
        } catch {
            let said = (try? KernelFile.read("\(scratch.path)/log")) ?? ""
            kill(-pid, SIGKILL)
            try? process.with { (pidfd: borrowing Descriptor) throws(KernelError) in try reapChild(pidfd) }
            throw DevTools.Failure(
                description: "chromium (Debian's package of that name) does not start: \(error); it said: "
                    + said.suffix(1000))
        }
    }

    /// Ends it and waits until it is gone, so that nothing of it is left.
    func close() throws {
        _ = try? devTools.call("Browser.close")
        try process.with { (pidfd: borrowing Descriptor) throws(KernelError) in
            if try !waitForExit(of: pidfd, milliseconds: 20_000) { kill(-pid, SIGKILL) }
            _ = try waitForExit(of: pidfd, milliseconds: 20_000)
            try reapChild(pidfd)
        }
    }

    @discardableResult
    func call(_ method: String, _ parameters: [String: Any] = [:]) throws -> JSON {
        try devTools.call(method, parameters, session: session)
    }

    // MARK: the page

    /// Opens a path of the server in place of what is shown.
    func open(_ path: String) throws {
        let answer = try call("Page.navigate", ["url": origin + path])
        if let failure = answer["errorText"].string { throw DevTools.Failure(description: "\(path): \(failure)") }
        try wait("document.readyState === 'complete'")
    }

    /// The value of a JavaScript expression.
    func value(_ expression: String) throws -> JSON {
        let answer = try call(
            "Runtime.evaluate", ["expression": expression, "returnByValue": true, "awaitPromise": true])
        guard answer["exceptionDetails"].isNull else {
            throw DevTools.Failure(description: "\(expression): \(answer["exceptionDetails"])")
        }
        return answer["result"]["value"]
    }

    /// Whether a JavaScript expression holds.
    func holds(_ expression: String) throws -> Bool { try value("!!(\(expression))").value as? Bool == true }

    /// Waits until a JavaScript expression holds, for much longer than it can take.
    func wait(_ expression: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let deadline = Date.now.addingTimeInterval(Double(DevTools.secondsMax))
        while try !holds("(() => { try { return \(expression) } catch { return false } })()") {
            guard Date.now < deadline else {
                let shown = try value("document.body.innerText").string ?? ""
                Issue.record("never: \(expression)\n\(shown)", sourceLocation: sourceLocation)
                throw DevTools.Failure(description: "waited in vain for \(expression)")
            }
            Thread.sleep(forTimeInterval: 0.05)
        }
    }

    /// Presses a key: a character, or one with a name.
    func press(_ key: String) throws {
        let text = key == "Enter" ? "\r" : key.count == 1 ? key : ""
        try call("Input.dispatchKeyEvent", ["type": "keyDown", "key": key, "text": text])
        try call("Input.dispatchKeyEvent", ["type": "keyUp", "key": key])
    }

    /// Types a text where the focus is.
    func type(_ text: String) throws { try call("Input.insertText", ["text": text]) }

    /// What the operating system is set to.
    func prefer(_ scheme: String) throws {
        try call(
            "Emulation.setEmulatedMedia", ["features": [["name": "prefers-color-scheme", "value": scheme]]])
    }

    // MARK: what went wrong

    private var expected = 0

    /// The complaints so far, which were to be expected.
    func takeComplaints() -> [String] {
        let taken = complaints
        expected += taken.count
        return taken
    }

    /// Errors and warnings of the page and of the browser about it.
    var complaints: [String] {
        devTools.events.filter { event in
            switch event["method"].string {
            case "Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled": true
            default: false
            }
        }.dropFirst(expected).map { "\($0["params"])" }
    }

    /// What the page asked of others than its own server.
    var foreignRequests: [String] {
        devTools.events.filter { $0["method"].string == "Network.requestWillBeSent" }
            .compactMap { $0["params"]["request"]["url"].string }
            .filter { !$0.hasPrefix(origin + "/") && !$0.hasPrefix("data:") && $0 != "about:blank" }
    }

    /// How many requests the page made.
    var requests: Int { devTools.events.count { $0["method"].string == "Network.requestWillBeSent" } }
}

/// Runs `body` with a browser that may ask nobody but the worker and has nothing to complain of.
func withBrowser(
    _ worker: WorkerAddress, sourceLocation: SourceLocation = #_sourceLocation, _ body: (Browser) throws -> Void
) throws {
    let browser = try Browser(origin: "http://\(worker.host):\(worker.port)")
    let outcome = Result { try body(browser) }
    #expect(browser.foreignRequests == [], sourceLocation: sourceLocation)
    #expect(browser.complaints == [], sourceLocation: sourceLocation)
    try browser.close()
    try outcome.get()
    #expect(browser.requests >= 2, "page and events", sourceLocation: sourceLocation)
}
