/// The help of `apron worker`, made from the table of settings.
enum SettingHelp {
    /// Where help texts begin.
    private static let indent = 34
    /// Widest line; a terminal of the usual kind shows it unbroken.
    private static let width = 100

    /// The whole help.
    static var text: String {
        var lines = [
            "Serve the Garden and Baggageclaim APIs: make containers and keep volumes on this machine.",
            "",
            "USAGE: apron worker --work-dir DIR [flags]",
            "",
            "A flag is given as --flag VALUE or --flag=VALUE. It beats its environment variable, which beats the default.",
            "",
            "EXAMPLES:",
            "  apron worker --work-dir /var/lib/apron",
            "  apron worker --work-dir /var/lib/apron --bind-socket /run/apron/garden.sock --log-level debug",
            "  apron worker --work-dir /var/lib/apron --trace-output text      # the phases of every container",
            "  CONCOURSE_WORK_DIR=/worker-state CONCOURSE_CONTAINERD_DNS_SERVER=1.1.1.1,9.9.9.9 apron worker",
            "",
            "SIGNALS:",
            "  SIGTERM, SIGINT   stop serving; containers keep running and are found again at the next start",
            "  SIGUSR1, SIGUSR2  land and retire the worker; without effect while it is in no cluster",
            "  SIGHUP            log at debug; once more: at --log-level again",
        ]
        for section in Setting.Section.allCases {
            let settings = SettingTable.all.filter { $0.section == section && $0.effect == .used }
            if settings.isEmpty { continue }
            lines += ["", section.rawValue.uppercased() + ":"]
            for setting in settings { lines += entry(setting) }
            if section == .telemetry { lines += variables }
        }
        lines += ["", "ACCEPTED FOR THE STOCK WORKER'S SAKE, WITHOUT EFFECT:"]
        for (reason, names) in idleByReason {
            lines += wrapped(names.map { "--" + $0 }.joined(separator: " "), indent: 2)
            lines += wrapped("(" + reason + ")", indent: 6)
        }
        lines += ["", "  -h, --help, --help=markdown       print this help, or every setting as a table"]
        return lines.joined(separator: "\n")
    }

    /// Every setting as Markdown tables, for the documentation.
    static var markdown: String {
        var lines: [String] = []
        for section in Setting.Section.allCases {
            lines += ["## \(section.rawValue)", ""]
            lines += ["| flag | environment | default | effect |", "| --- | --- | --- | --- |"]
            for setting in SettingTable.all where setting.section == section {
                let value = setting.kind.placeholder.map { " " + $0 } ?? ""
                let text =
                    switch setting.effect {
                    case .used: setting.help
                    case .none(let reason): "no effect: " + reason
                    }
                let cells = ["`--\(setting.name)\(value)`", "`\(setting.variable)`", setting.standard ?? "–", text]
                let escaped = cells.map {
                    $0.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
                }
                lines.append("| " + escaped.joined(separator: " | ") + " |")
            }
            lines.append("")
            if section == .telemetry {
                lines += ["| OpenTelemetry's variable | effect |", "| --- | --- |"]
                lines += OTelVariable.all.map { "| `\($0.name)` | \($0.help) |" }
                lines += ["", OTelVariable.rules, ""]
            }
        }
        return lines.joined(separator: "\n")
    }

    /// OpenTelemetry's variables, and what holds for all of traces.
    private static var variables: [String] {
        let entries = OTelVariable.all.flatMap { ["  " + $0.name] + wrapped($0.help, indent: indent) }
        return [""] + wrapped(OTelVariable.rules, indent: 2) + [""] + entries
    }

    private static func entry(_ setting: Setting) -> [String] {
        let value = setting.kind.placeholder.map { " " + $0 } ?? ""
        let flag = "  --\(setting.name)\(value)"
        let standard = setting.isSwitch ? nil : setting.standard
        let details = [standard.map { "default: \($0)" }, setting.variable].compactMap(\.self).joined(separator: "; ")
        let text = wrapped("\(setting.help) [\(details)]", indent: indent)
        guard flag.count < indent, let first = text.first else { return [flag] + text }
        return [flag + first.dropFirst(flag.count)] + text.dropFirst()
    }

    /// Flags without effect, by reason in the order of the table.
    private static var idleByReason: [(reason: String, names: [String])] {
        var groups: [(reason: String, names: [String])] = []
        for setting in SettingTable.all {
            guard case .none(let reason) = setting.effect else { continue }
            if let index = groups.firstIndex(where: { $0.reason == reason }) {
                groups[index].names.append(setting.name)
            } else {
                groups.append((reason, [setting.name]))
            }
        }
        return groups
    }

    /// Breaks a text at spaces into indented lines.
    private static func wrapped(_ text: String, indent: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if !line.isEmpty, indent + line.count + 1 + word.count > width {
                lines.append(line)
                line = ""
            }
            line += (line.isEmpty ? "" : " ") + word
        }
        lines.append(line)
        return lines.map { String(repeating: " ", count: indent) + $0 }
    }
}
