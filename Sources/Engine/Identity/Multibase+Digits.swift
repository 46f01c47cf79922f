/// The arithmetic of digits: groups of bits, and one number in another radix.
extension Multibase {
    /// Values of characters; 0xff for a character that is no digit.
    struct Alphabet {
        private var values: InlineArray<256, UInt8>

        init(_ characters: StaticString, ignoringCase: Bool) {
            var values = InlineArray<256, UInt8>(repeating: 0xff)
            characters.withUTF8Buffer { characters in
                for (value, character) in characters.enumerated() {
                    values[Int(character)] = UInt8(truncatingIfNeeded: value)
                }
                let lower = UInt8(ascii: "a")...UInt8(ascii: "z")
                let upper = UInt8(ascii: "A")...UInt8(ascii: "Z")
                // Where an alphabet has both cases, case is what tells two digits apart.
                guard ignoringCase,
                    !characters.contains(where: lower.contains) || !characters.contains(where: upper.contains)
                else { return }
                for character in characters where lower.contains(character) || upper.contains(character) {
                    values[Int(character ^ 0x20)] = values[Int(character)]
                }
            }
            self.values = values
        }

        subscript(character: UInt8) -> UInt8 { values[Int(character)] }
    }

    func appendBits(of bytes: UnsafeRawBufferPointer, width: Int, group: Int, to text: inout [UInt8]) {
        let characters = layout.alphabet.utf8Start
        let mask = (1 << UInt32(width)) - 1 as UInt32
        var (pool, bits, digits): (UInt32, Int, Int) = (0, 0, 0)
        text.reserveCapacity(text.count + (bytes.count * 8 + width - 1) / width + group)
        for byte in bytes {
            pool = pool << 8 | UInt32(byte)
            bits += 8
            while bits >= width {
                bits -= width
                text.append(characters[Int(pool >> UInt32(bits) & mask)])
                digits += 1
            }
        }
        if bits > 0 {
            text.append(characters[Int(pool << UInt32(width - bits) & mask)])
            digits += 1
        }
        while digits % group != 0 {
            text.append(UInt8(ascii: "="))
            digits += 1
        }
    }

    static func decodeBits(
        _ text: UnsafeRawBufferPointer, width: Int, group: Int, _ alphabet: Alphabet
    ) throws(CIDError) -> [UInt8] {
        var count = text.count
        if group > 1 {
            while count > 0, text[count - 1] == UInt8(ascii: "=") { count -= 1 }
            guard text.count == (count + group - 1) / group * group else { throw .invalidPadding }
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count / 8 * width + width)
        var (pool, bits): (UInt32, Int) = (0, 0)
        for index in 0..<count {
            let value = alphabet[text[index]]
            guard value != 0xff else { throw .invalidCharacter(offset: index) }
            pool = pool << UInt32(width) | UInt32(value)
            bits += width
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: pool >> UInt32(bits)))
            }
        }
        // What is left is less than a digit, and zero; otherwise other bytes have the same reading.
        guard bits < width, pool & ((1 << UInt32(bits)) - 1) == 0 else { throw .invalidPadding }
        return bytes
    }

    func appendRadix(of bytes: UnsafeRawBufferPointer, radix: UInt32, to text: inout [UInt8]) {
        let characters = layout.alphabet.utf8Start
        let zeros = bytes.prefix { $0 == 0 }.count
        var digits: [UInt8] = []  // least significant first
        for byte in bytes.dropFirst(zeros) {
            var carry = UInt32(byte)
            for index in digits.indices {
                carry += UInt32(digits[index]) << 8
                digits[index] = UInt8(truncatingIfNeeded: carry % radix)
                carry /= radix
            }
            while carry > 0 {
                digits.append(UInt8(truncatingIfNeeded: carry % radix))
                carry /= radix
            }
        }
        text.append(contentsOf: repeatElement(characters[0], count: zeros))
        for digit in digits.reversed() { text.append(characters[Int(digit)]) }
    }

    static func decodeRadix(
        _ text: UnsafeRawBufferPointer, radix: UInt32, _ alphabet: Alphabet
    ) throws(CIDError) -> [UInt8] {
        var bytes: [UInt8] = []  // least significant first
        var zeros = 0
        for (position, character) in text.enumerated() {
            let value = alphabet[character]
            guard value != 0xff else { throw .invalidCharacter(offset: position) }
            if value == 0, bytes.isEmpty {
                zeros += 1
                continue
            }
            var carry = UInt32(value)
            for index in bytes.indices {
                carry += UInt32(bytes[index]) * radix
                bytes[index] = UInt8(truncatingIfNeeded: carry)
                carry >>= 8
            }
            if carry > 0 { bytes.append(UInt8(truncatingIfNeeded: carry)) }
        }
        bytes.append(contentsOf: repeatElement(0, count: zeros))
        bytes.reverse()
        return bytes
    }
}
