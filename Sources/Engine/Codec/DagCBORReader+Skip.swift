/// Passing over values whose kind does not matter, as strictly as if they were built.
///
/// Recursive: a level costs a small stack frame and no allocation, and `IPLDValue.maximumDepth` bounds them.
extension DagCBORReader {
    /// Reads one value of any kind and drops it.
    public mutating func skipValue() throws(CodecError) {
        try skipValue(depth: 0) { _ in }
    }

    /// As `skipValue()`, of a value that stands inside `depth` lists and maps.
    mutating func skipValue(depth: Int) throws(CodecError) {
        try skipValue(depth: depth) { _ in }
    }

    /// Reads one value of any kind and calls `visit` with each link in it, in order.
    mutating func visitLinks(_ visit: (borrowing CID) -> Void) throws(CodecError) {
        try skipValue(depth: 0, visit)
    }

    private mutating func skipValue(depth: Int, _ visit: (borrowing CID) -> Void) throws(CodecError) {
        let kind = try peekKind()
        switch kind {
        case .list:
            guard depth < IPLDValue.maximumDepth else { throw CodecError(.tooDeep, at: offset) }
            for _ in 0..<(try readListHeader()) { try skipValue(depth: depth + 1, visit) }
        case .map:
            guard depth < IPLDValue.maximumDepth else { throw CodecError(.tooDeep, at: offset) }
            var previous: UnsafeRawBufferPointer?
            for _ in 0..<(try readMapHeader()) {
                previous = try readKey(after: previous)
                try skipValue(depth: depth + 1, visit)
            }
        default: try skipScalar(kind, visit)
        }
    }

    /// Apart from the recursion, whose frames must not make room for a CID.
    @inline(never)
    private mutating func skipScalar(
        _ kind: DagCBOR.Kind, _ visit: (borrowing CID) -> Void
    ) throws(CodecError) {
        switch kind {
        case .null: try readNull()
        case .bool: _ = try readBool()
        case .integer: _ = try readInteger()
        case .float: _ = try readFloat()
        case .bytes: _ = try readBytes()
        case .link: visit(try readLink())
        case .text, .list, .map: _ = try readText()
        }
    }
}
