import IpldEngine

/// Facts for people: the number or the name first, then what it is.
enum Report {
    /// Lines of a value and its name, the names below each other.
    static func write(_ rows: [(value: String, name: String)]) throws {
        let width = rows.map(\.value.count).max() ?? 0
        for (value, name) in rows {
            let padding = String(repeating: " ", count: width - value.count + 2)
            try StandardOutput.write(line: value + padding + name)
        }
    }

    static func number(_ value: UInt64, _ name: String) -> (value: String, name: String) {
        (String(value), name)
    }

    /// A count of bytes, and how much that is.
    static func bytes(_ value: UInt64, _ name: String) -> (value: String, name: String) {
        (String(value), value < 10_000 ? name : "\(name) (\(Quantity.bytes(value)))")
    }
}

enum Quantity {
    /// Bytes with three digits and a decimal unit.
    static func bytes(_ count: UInt64) -> String {
        if count < 1000 { return "\(count) B" }
        var value = Double(count)
        for unit in ["kB", "MB", "GB", "TB", "PB", "EB"] {
            value /= 1000
            if value < 999.5 || unit == "EB" { return rounded(value) + " " + unit }
        }
        return "\(count) B"
    }

    private static func rounded(_ value: Double) -> String {
        if value >= 99.95 { return String(Int(value.rounded())) }
        let scale = value < 9.995 ? 100.0 : 10.0
        return String((value * scale).rounded() / scale)
    }

    /// "1 block", "2 blocks".
    static func count(_ number: UInt64, _ noun: String) -> String {
        count(number, noun, noun + "s")
    }

    /// "1 entry", "2 entries".
    static func count(_ number: UInt64, _ one: String, _ many: String) -> String {
        "\(number) \(number == 1 ? one : many)"
    }
}

extension StoreConfiguration {
    /// What a store was made with, as `stat` and `init` report it.
    var json: JSON {
        var fields: [(String, JSON)] = []
        switch profile.chunker.rule {
        case .fastCDC(let minimum, let average, let maximum, let normalization):
            fields = [
                ("chunker", .string("fastcdc")), ("avg", .integer(UInt64(average))),
                ("min", .integer(UInt64(minimum))), ("max", .integer(UInt64(maximum))),
                ("nc", .integer(UInt64(normalization))),
            ]
        case .fixed(let size):
            fields = [("chunker", .string("fixed")), ("avg", .integer(UInt64(size)))]
        }
        return .object(
            fields + [
                ("hash", .string(hashName)), ("compression", .string(compression.text)),
                ("layout", .string(profile.identifier)),
            ])
    }

    var hashName: String { profile.hash.name }
}

extension CID.HashFunction {
    /// The multicodec name, or the number of one without a name here.
    var name: String {
        switch self {
        case .blake3: "blake3"
        case .sha256: "sha2-256"
        case .identity: "identity"
        default: "0x" + String(rawValue, radix: 16)
        }
    }
}

extension CID.Codec {
    /// The multicodec name, or the number of one without a name here.
    var name: String {
        switch self {
        case .raw: "raw"
        case .dagCBOR: "dag-cbor"
        case .dagPB: "dag-pb"
        default: "0x" + String(rawValue, radix: 16)
        }
    }
}
