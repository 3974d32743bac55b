/// How the worker's host is at one moment; nil where the kernel does not say.
public struct HostState: Sendable, Hashable {
    /// For how much of the last ten seconds something waited, in percent (accounting/psi.rst).
    public struct Pressure: Sendable, Hashable {
        /// At least one task waited.
        public var some: Double
        /// All tasks waited at once; the kernel does not say it of the processors of a whole host.
        public var full: Double?

        /// Describes pressure.
        public init(some: Double, full: Double?) {
            self.some = some
            self.full = full
        }

        /// Reads a pressure file: `some avg10=0.12 avg60=… total=…`, and `full …`.
        public init?(parsing text: String) {
            var shares: [Substring: Double] = [:]
            for line in text.split(separator: "\n") {
                let words = line.split(separator: " ")
                guard let kind = words.first, let average = words.first(where: { $0.hasPrefix("avg10=") }) else {
                    continue
                }
                shares[kind] = Double(average.dropFirst(6))
            }
            guard let some = shares["some"] else { return nil }
            self.init(some: some, full: shares["full"])
        }
    }

    /// Waiting for a processor.
    public var processorPressure: Pressure?
    /// Waiting for memory.
    public var memoryPressure: Pressure?
    /// Waiting for disks.
    public var diskPressure: Pressure?
    /// Memory in bytes.
    public var memoryBytes: UInt64?
    /// Memory that programs could still have, in bytes.
    public var memoryAvailable: UInt64?
    /// Bytes of the work directory's file system.
    public var diskBytes: UInt64?
    /// Bytes that could still be filled.
    public var diskAvailable: UInt64?
    /// Tasks that wanted to run, on average over the last minute.
    public var load: Double?

    /// Nothing known.
    public init() {}
}

/// Who a worker is.
public struct WorkerFacts: Sendable, Hashable {
    /// Its name.
    public var name: String
    /// The program's version.
    public var version: String
    /// When it was started, in nanoseconds since the epoch.
    public var started: UInt64
    /// Its process.
    public var processID: Int32
    /// Processors of the host.
    public var processors: Int
    /// Further facts for people, in order: a word and what it says.
    public var others: [(name: String, text: String)] { zip(names, texts).map { ($0, $1) } }

    private var names: [String] = []
    private var texts: [String] = []

    /// Describes a worker.
    public init(name: String, version: String, started: UInt64, processID: Int32, processors: Int) {
        self.name = name
        self.version = version
        self.started = started
        self.processID = processID
        self.processors = processors
    }

    /// Adds a fact.
    public mutating func add(_ name: String, _ text: String) {
        names.append(name)
        texts.append(text)
    }
}
