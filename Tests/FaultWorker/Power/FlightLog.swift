import FlightRecorder

/// What a store did to its disk, call by call (Tests/FlightRecorder).
struct FlightLog {
    struct Name: Hashable {
        let directory: UInt64
        let name: String
    }

    enum Call {
        case makeFile(UInt64, Name)
        case makeDirectory(UInt64, Name)
        case write(UInt64, offset: Int, bytes: Range<Int>, isDurable: Bool)
        case truncate(UInt64, length: Int)
        case punch(UInt64, Range<Int>)
        case flush(UInt64)
        case flushAll
        case link(UInt64, Name)
        case remove(Name)
        case rename(Name, Name)
        case exchange(Name, Name)
        case mark(Int)
    }

    private(set) var calls: [Call] = []
    /// What was written; calls say where in here.
    private(set) var bytes: [UInt8] = []

    /// Records what `body` does on the file system of a directory.
    init(of directory: String, _ body: () throws -> Void) throws {
        guard flight_start(directory) == 0 else { throw Violation("nothing to record in \(directory)") }
        var length = 0
        do { try body() } catch {
            _ = flight_stop(&length)
            throw error
        }
        guard let start = flight_stop(&length) else { throw Violation("no memory for the log") }
        try decode(UnsafeRawBufferPointer(start: start, count: length))
    }

    static func mark(_ number: Int) { flight_mark(UInt64(number)) }

    private mutating func decode(_ log: UnsafeRawBufferPointer) throws {
        let head = MemoryLayout<flight_record>.size
        var offset = 0
        func text(_ start: Int, _ length: UInt32) -> String {
            String(decoding: log[start..<(start + Int(length))], as: UTF8.self)
        }
        while offset < log.count {
            let record = log.loadUnaligned(fromByteOffset: offset, as: flight_record.self)
            var end = offset + head
            let name = Name(directory: record.directory, name: text(end, record.name_length))
            end += Int(record.name_length)
            let other = Name(directory: record.other_directory, name: text(end, record.other_name_length))
            end += Int(record.other_name_length)
            let start = Int(record.offset)
            switch Int(record.kind) {
            case FLIGHT_MAKE_FILE: calls.append(.makeFile(record.file, name))
            case FLIGHT_MAKE_DIRECTORY: calls.append(.makeDirectory(record.file, name))
            case FLIGHT_WRITE:
                let data = log[end..<(end + Int(record.data_length))]
                let place = bytes.count..<(bytes.count + data.count)
                bytes.append(contentsOf: data)
                calls.append(
                    .write(
                        record.file, offset: start, bytes: place,
                        isDurable: Int(record.flags) & FLIGHT_DURABLE != 0))
            case FLIGHT_TRUNCATE: calls.append(.truncate(record.file, length: Int(record.length)))
            case FLIGHT_PUNCH: calls.append(.punch(record.file, start..<(start + Int(record.length))))
            case FLIGHT_FLUSH: calls.append(.flush(record.file))
            case FLIGHT_FLUSH_ALL: calls.append(.flushAll)
            case FLIGHT_LINK: calls.append(.link(record.file, name))
            case FLIGHT_REMOVE: calls.append(.remove(name))
            case FLIGHT_RENAME: calls.append(.rename(name, other))
            case FLIGHT_EXCHANGE: calls.append(.exchange(name, other))
            case FLIGHT_MARK: calls.append(.mark(start))
            default: throw Violation("the log has a record of kind \(record.kind)")
            }
            end += Int(record.data_length)
            offset = (end + 7) / 8 * 8
        }
    }
}
