/// What is known about one span at some moment: a value, for stores, exporters and views.
public struct RecordedSpan: Sendable, Equatable {
    /// The span's own ids, flags and trace state.
    public var context: TraceContext
    /// The parent's id; nil for a root.
    public var parentID: SpanID?
    /// Whether the parent lives in another process.
    public var parentIsRemote: Bool
    /// The phase, unless a library opened the span.
    public var phase: Phase?
    /// The name: the phase's, or what it was renamed to.
    public var name: String
    /// The span's kind.
    public var kind: Kind
    /// The handle that the span belongs to.
    public var handle: String?
    /// When it began, in nanoseconds of CLOCK_BOOTTIME.
    public var start: UInt64
    /// When it ended, in nanoseconds of CLOCK_BOOTTIME; nil while it is open.
    public var end: UInt64?
    /// The relation of CLOCK_BOOTTIME to the calendar.
    public var anchor: ClockAnchor
    /// Named values, in the order in which they were set first.
    public var attributes: [Attribute]
    /// How many attributes did not fit.
    public var droppedAttributes: Int
    /// What happened at moments of its own.
    public var events: [Event]
    /// How many events did not fit.
    public var droppedEvents: Int
    /// Relations to other spans.
    public var links: [Link]
    /// How many links did not fit.
    public var droppedLinks: Int
    /// How it went.
    public var status: Status

    /// Whether the span is still open.
    public var isUnfinished: Bool { end == nil }

    /// From begin to end in nanoseconds; nil while it is open.
    public var duration: UInt64? { end.map { $0 &- start } }

    /// The value of an attribute.
    public subscript(_ key: AttributeKey) -> AttributeValue? {
        attributes.first { $0.key.isSame(as: key) }?.value
    }
}

extension RecordedSpan {
    /// The part that a span plays between processes; the numbers are OTLP's.
    public enum Kind: Int, Sendable, Codable {
        /// Work within a process.
        case `internal` = 1
        /// A request served.
        case server = 2
        /// A request made.
        case client = 3
        /// A message sent.
        case producer = 4
        /// A message received.
        case consumer = 5
    }

    /// How a span went.
    public enum Status: Hashable, Sendable, Codable {
        /// Nobody said anything: it went well as far as is known.
        case unset
        /// Somebody vouches that it went well; a later error does not change that.
        case ok
        /// It failed: the `error.type` (errno name, type name, HTTP status), and a sentence.
        case error(String, String)

        /// Whether it failed.
        public var isError: Bool {
            if case .error = self { true } else { false }
        }
    }

    /// Something that happened during a span.
    public struct Event: Hashable, Sendable, Codable {
        /// When, in nanoseconds of CLOCK_BOOTTIME.
        public var time: UInt64
        /// What, from a short list of names.
        public var name: String
        /// What is known about it.
        public var attributes: [Attribute]

        /// Describes what happened.
        public init(time: UInt64, name: String, attributes: [Attribute] = []) {
            self.time = time
            self.name = name
            self.attributes = attributes
        }
    }
}
