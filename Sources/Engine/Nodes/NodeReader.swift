/// Reads values of any size: whole, or what is at a path without the rest.
///
/// What always holds:
/// - A block is decoded before the next one is read: one block's scratch space, whatever the depth.
/// - What a whole value takes is counted while it grows, and ends at a limit: before anything is read, where
///   the root says how much there is; besides it there are one block's value and one tree's path at a time,
///   whatever the depth.
/// - A node has as many bytes as its parent says; lists and maps are nested `IPLDValue.maximumDepth` deep at
///   most, links that stand for one another follow as often.
struct NodeReader<Source: BlockSource> {
    let source: Source
    /// What values may take; nil where the caller knows that they are small.
    var memory: NodeMemory? = nil

    /// What a CID names, as far as one block tells.
    enum Opened {
        /// All of it, and the bytes of its encoding.
        case value(IPLDValue, size: UInt64)
        case string(isText: Bool, content: CID, size: UInt64)
        case tree(ProllyNode)

        /// Bytes of the encoding of the whole value.
        var size: UInt64 {
            switch self {
            case .value(_, let size): size
            case .string(_, _, let size): UInt64(DagCBOR.headLength(size)) + size
            case .tree(let node): node.valueSize
            }
        }
    }

    func open(_ cid: CID, depth: Int = 0) throws(StoreError) -> Opened {
        try source.withContent(of: cid) { (block) throws(StoreError) in
            switch cid.codec {
            case .raw: return .value(.bytes([UInt8](block)), size: UInt64(block.count))
            case .dagCBOR:
                switch try SplitForm.decode(block) {
                case .string(let isText, let content, let size):
                    return .string(isText: isText, content: content, size: size)
                case .tree(let node): return .tree(node)
                case nil: return .value(try Self.decode(block, depth: depth), size: UInt64(block.count))
                }
            default: throw StoreError(.unsupported, "codec \(cid.codec.rawValue) has no value here")
            }
        }
    }

    /// A value that stands inside so many lists and maps.
    static func decode(_ encoded: UnsafeRawBufferPointer, depth: Int) throws(StoreError) -> IPLDValue {
        var reader = DagCBORReader(encoded)
        do {
            let value = try reader.readValue(depth: depth)
            try reader.finish()
            return value
        } catch {
            throw StoreError(.corrupt, "a stored node is not strict DAG-CBOR: \(error)")
        }
    }

    /// All of a value that takes `limit` bytes of memory at most; TOO_LARGE otherwise.
    func value(_ cid: CID, limit: UInt64) throws(StoreError) -> IPLDValue {
        let memory = NodeMemory(limit: limit)
        let opened = try open(cid)
        // No value takes less than its encoding.
        guard opened.size <= limit else { throw memory.tooLarge }
        return try NodeReader(source: source, memory: memory).value(cid, opened, depth: 0)
    }

    /// The element that a leaf holds, of a list or map inside `depth - 1` others.
    func element(_ value: ProllyValue, depth: Int) throws(StoreError) -> IPLDValue {
        switch value {
        case .inline(let encoded): return try counted(try Self.decode(encoded, depth: depth))
        case .link(let cid, let size):
            return try self.value(cid, try openElement(cid, size: size, depth: depth), depth: depth)
        }
    }

    /// A value that was decoded, its memory taken.
    func counted(_ value: IPLDValue) throws(StoreError) -> IPLDValue {
        try memory?.take(value.heapBytes)
        return value
    }

    /// The node of an element, which must have the size that its parent says.
    func openElement(_ cid: CID, size: UInt64, depth: Int) throws(StoreError) -> Opened {
        let opened = try open(cid, depth: depth)
        guard cid.codec == .dagCBOR, opened.size == size else {
            throw StoreError(.corrupt, "the node \(cid) has \(opened.size) bytes, its parent says \(size)")
        }
        return opened
    }

    @inline(never)
    func value(_ cid: CID, _ opened: Opened, depth: Int) throws(StoreError) -> IPLDValue {
        switch opened {
        case .value(let value, _): return try counted(value)
        case .string(let isText, let content, let size):
            return try string(cid, isText: isText, content, size)
        case .tree(let node): return try tree(cid, node, depth: depth)
        }
    }

    @inline(never)
    private func tree(_ cid: CID, _ node: ProllyNode, depth: Int) throws(StoreError) -> IPLDValue {
        guard depth < IPLDValue.maximumDepth else {
            throw StoreError(.corrupt, "the node \(cid) is nested too deep")
        }
        let elements = NodeElements(cid, node, self)
        switch node.kind {
        case .list:
            var list: [IPLDValue] = []
            // Taken at once, so that the elements are never moved; what is not there is never touched.
            list.reserveCapacity(try take(elements.count, slots: MemoryLayout<IPLDValue>.stride))
            while let (_, value) = try elements.next(depth: depth + 1) { list.append(value) }
            return .list(list)
        case .map:
            var map = IPLDMap()
            map.reserveCapacity(try take(elements.count, slots: MemoryLayout<IPLDMap.Element>.stride))
            while let (key, value) = try elements.next(depth: depth + 1) {
                guard map.append(key, value) else {
                    throw StoreError(.corrupt, "the node \(cid) has keys out of order")
                }
            }
            return .map(map)
        case .byteMap: throw StoreError(.unsupported, "\(cid) is keyed by bytes, which no IPLD value is")
        }
    }

    /// Memory for so many elements.
    private func take(_ count: UInt64, slots stride: Int) throws(StoreError) -> Int {
        let (bytes, overflowed) = count.multipliedReportingOverflow(by: UInt64(stride))
        try memory?.take(overflowed ? .max : bytes)
        return memory == nil ? 0 : Int(clamping: count)
    }

    @inline(never)
    private func string(_ cid: CID, isText: Bool, _ content: CID, _ size: UInt64) throws(StoreError)
        -> IPLDValue
    {
        func corrupt(_ what: String) -> StoreError {
            StoreError(.corrupt, "the node \(cid) \(what)")
        }
        try memory?.take(size)
        guard let length = Int(exactly: size) else { throw corrupt("has a size that is none") }
        // The size may lie: memory that is not written to is only an address.
        func read(into room: UnsafeMutableRawBufferPointer) throws(StoreError) {
            do throws(StoreError) {
                var reader = try TreeReader(root: content, size: size, source: source)
                guard try reader.read(at: 0, into: room) == length else {
                    throw corrupt("has a content that ends early")
                }
            } catch  where error.code == .invalid {
                throw corrupt("has a content that is no file")
            }
        }
        var failure: StoreError?
        func filled(_ room: UnsafeMutableBufferPointer<UInt8>) -> Int {
            guard length > 0 else { return 0 }
            let room = UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: room[..<length]))
            do throws(StoreError) {
                try read(into: room)
                guard !isText || UTF8Check.isValid(UnsafeRawBufferPointer(room)) else {
                    throw corrupt("is text that is not UTF-8")
                }
                return length
            } catch {
                failure = error
                return 0
            }
        }
        let value: IPLDValue =
            isText
            ? .text(String(unsafeUninitializedCapacity: length, initializingUTF8With: filled))
            : .bytes([UInt8](unsafeUninitializedCapacity: length) { $1 = filled($0) })
        if let failure { throw failure }
        return value
    }
}
