/// Reads one JSON document as an IPLD value. Recursive, to a bounded depth; memory follows the input's
/// length.
struct DagJSONParser {
    private let input: UnsafeRawBufferPointer
    private var offset = 0

    init(_ input: UnsafeRawBufferPointer) { self.input = input }

    mutating func document() throws(CodecError) -> IPLDValue {
        let value = try value(depth: 0)
        skipWhiteSpace()
        guard offset == input.count else { throw CodecError(.trailingBytes, at: offset) }
        return value
    }

    private mutating func value(depth: Int) throws(CodecError) -> IPLDValue {
        skipWhiteSpace()
        switch try peek() {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .text(try string())
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        case UInt8(ascii: "t"):
            try word("true")
            return .bool(true)
        case UInt8(ascii: "f"):
            try word("false")
            return .bool(false)
        case UInt8(ascii: "n"):
            try word("null")
            return .null
        default: throw CodecError(.syntax, at: offset)
        }
    }

    private mutating func array(depth: Int) throws(CodecError) -> IPLDValue {
        guard depth < IPLDValue.maximumDepth else { throw CodecError(.tooDeep, at: offset) }
        offset += 1
        var items: [IPLDValue] = []
        skipWhiteSpace()
        if try take("]") { return .list(items) }
        repeat {
            items.append(try value(depth: depth + 1))
            skipWhiteSpace()
        } while try take(",")
        try expect("]")
        return .list(items)
    }

    /// Bytes take two levels of JSON, and none of the value's depth.
    private mutating func object(depth: Int) throws(CodecError) -> IPLDValue {
        let start = offset
        guard depth < IPLDValue.maximumDepth + 2 else { throw CodecError(.tooDeep, at: start) }
        offset += 1
        var pairs: [(String, IPLDValue)] = []
        skipWhiteSpace()
        if try !take("}") {
            repeat {
                skipWhiteSpace()
                guard try peek() == UInt8(ascii: "\"") else { throw CodecError(.syntax, at: offset) }
                let key = try string()
                skipWhiteSpace()
                try expect(":")
                pairs.append((key, try value(depth: depth + 1)))
                skipWhiteSpace()
            } while try take(",")
            try expect("}")
        }
        return try interpret(pairs, start: start, depth: depth)
    }

    private func interpret(
        _ pairs: [(String, IPLDValue)], start: Int, depth: Int
    ) throws(CodecError) -> IPLDValue {
        let map: IPLDMap
        do throws(CodecError) {
            map = try IPLDMap(pairs)
        } catch {
            throw CodecError(error.kind, at: start)
        }
        switch try DagJSON.Reserved(DagJSON.sorted(map), at: start) {
        case .link(let text):
            do throws(CIDError) {
                let cid = try CID(parsing: text)
                // One text for each CID: base58btc for version 0, base32 for version 1.
                guard cid.version == 0 || text.utf8.first == Multibase.base32.prefix else {
                    throw .unsupportedBase
                }
                return .link(cid)
            } catch {
                throw CodecError(.invalidLink(error), at: start)
            }
        case .bytes(let text):
            do throws(CIDError) {
                return .bytes(
                    try Array(text.utf8).withBytes { (text) throws(CIDError) in
                        try Multibase.base64.decodeDigits(text)
                    })
            } catch {
                throw CodecError(.reservedForm, at: start)
            }
        case nil:
            // The inner map of bytes is looked at again from the outer one, which is refused if it is none.
            let isInnerOfBytes = depth == IPLDValue.maximumDepth + 1 && map.count == 1
            guard depth < IPLDValue.maximumDepth || isInnerOfBytes else {
                throw CodecError(.tooDeep, at: start)
            }
            return .map(map)
        }
    }
}

/// Tokens.
extension DagJSONParser {
    private func peek() throws(CodecError) -> UInt8 {
        guard offset < input.count else { throw CodecError(.truncated, at: input.count) }
        return input[offset]
    }

    private mutating func skipWhiteSpace() {
        while offset < input.count {
            switch input[offset] {
            case 0x20, 0x09, 0x0a, 0x0d: offset += 1
            default: return
            }
        }
    }

    private mutating func take(_ character: Unicode.Scalar) throws(CodecError) -> Bool {
        guard try peek() == UInt8(ascii: character) else { return false }
        offset += 1
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar) throws(CodecError) {
        guard try take(character) else { throw CodecError(.syntax, at: offset) }
    }

    private mutating func word(_ word: StaticString) throws(CodecError) {
        let length = word.utf8CodeUnitCount
        guard length <= input.count - offset else { throw CodecError(.truncated, at: input.count) }
        let found = UnsafeRawBufferPointer(rebasing: input[offset..<offset + length])
        guard word.withUTF8Buffer({ UnsafeRawBufferPointer($0).equals(found) }) else {
            throw CodecError(.syntax, at: offset)
        }
        offset += length
    }

    /// Only digits are an integer; with a point or an exponent it is a float.
    private mutating func number() throws(CodecError) -> IPLDValue {
        let start = offset
        let isNegative = try take("-")
        let firstDigit = offset
        try digits()
        guard input[firstDigit] != UInt8(ascii: "0") || offset == firstDigit + 1 else {
            throw CodecError(.syntax, at: start)
        }
        let integerEnd = offset
        if offset < input.count, try take(".") { try digits() }
        if offset < input.count, input[offset] | 0x20 == UInt8(ascii: "e") {
            offset += 1
            if try !take("+") { _ = try take("-") }
            try digits()
        }
        if offset == integerEnd {
            return .integer(try integer(firstDigit..<integerEnd, isNegative: isNegative, start: start))
        }
        // Longer than any double's exact decimal expansion is no number, but work.
        guard offset - start <= 1200 else { throw CodecError(.syntax, at: start) }
        guard let value = Double(String(decoding: input[start..<offset], as: UTF8.self)) else {
            throw CodecError(.syntax, at: start)
        }
        guard value.isFinite else { throw CodecError(.notFinite, at: start) }
        return .float(value)
    }

    private mutating func digits() throws(CodecError) {
        let start = offset
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        while offset < input.count, digits.contains(input[offset]) { offset += 1 }
        guard offset > start else {
            throw CodecError(offset == input.count ? .truncated : .syntax, at: offset)
        }
    }

    private func integer(
        _ digits: Range<Int>, isNegative: Bool, start: Int
    ) throws(CodecError) -> Int128 {
        guard digits.count <= 20 else { throw CodecError(.integerRange, at: start) }
        var value: Int128 = 0
        for digit in input[digits] { value = value * 10 + Int128(digit - UInt8(ascii: "0")) }
        if isNegative { value = -value }
        guard IPLDValue.integerRange.contains(value) else { throw CodecError(.integerRange, at: start) }
        return value
    }

    private mutating func string() throws(CodecError) -> String {
        let start = offset
        offset += 1
        var text: [UInt8] = []
        while true {
            let runStart = offset
            while offset < input.count, Self.isPlain(input[offset]) { offset += 1 }
            let run = UnsafeRawBufferPointer(rebasing: input[runStart..<offset])
            let last = try peek()
            guard last >= 0x20 else { throw CodecError(.syntax, at: offset) }
            offset += 1
            if last == UInt8(ascii: "\""), text.isEmpty {
                guard UTF8Check.isValid(run) else { throw CodecError(.notUTF8, at: start) }
                return String(decoding: run, as: UTF8.self)
            }
            text.append(contentsOf: run)
            if last == UInt8(ascii: "\"") { break }
            try escape(&text)
        }
        guard text.withUnsafeBytes({ UTF8Check.isValid($0) }) else { throw CodecError(.notUTF8, at: start) }
        return String(decoding: text, as: UTF8.self)
    }

    /// A byte of a string that stands for itself.
    private static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    /// What follows a backslash.
    private mutating func escape(_ text: inout [UInt8]) throws(CodecError) {
        let character = try peek()
        offset += 1
        switch character {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(character)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "n"): text.append(0x0a)
        case UInt8(ascii: "f"): text.append(0x0c)
        case UInt8(ascii: "r"): text.append(0x0d)
        case UInt8(ascii: "u"): try scalar(&text)
        default: throw CodecError(.syntax, at: offset - 1)
        }
    }

    /// The digits of \u, and a second escape where the first is the upper half of a surrogate pair.
    private mutating func scalar(_ text: inout [UInt8]) throws(CodecError) {
        let start = offset
        var value = try fourHexDigits()
        if value & 0xfc00 == 0xd800 {
            guard try take("\\"), try take("u") else { throw CodecError(.notUTF8, at: start) }
            let low = try fourHexDigits()
            guard low & 0xfc00 == 0xdc00 else { throw CodecError(.notUTF8, at: start) }
            value = 0x1_0000 + (value & 0x3ff) << 10 + low & 0x3ff
        }
        guard let scalar = Unicode.Scalar(value) else { throw CodecError(.notUTF8, at: start) }
        text.append(contentsOf: String(Character(scalar)).utf8)
    }

    private mutating func fourHexDigits() throws(CodecError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            let character = try peek()
            let digit: UInt8
            switch character {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = character - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = character - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = character - UInt8(ascii: "A") + 10
            default: throw CodecError(.syntax, at: offset)
            }
            value = value << 4 | UInt32(digit)
            offset += 1
        }
        return value
    }
}
