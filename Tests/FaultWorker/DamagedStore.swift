import Glibc
import IpldEngine

/// A small store at rest whose every block and name is known, to be damaged.
struct DamagedStore {
    let path: String
    /// All blocks with their bytes.
    private(set) var blocks: [(cid: CID, bytes: [UInt8])] = []
    private(set) var names = NameState()

    /// Makes it: files, trees, nodes and holds in several packs, and a journal with some history.
    init(making path: String, kind: StoreKind, pool: Pool, seed: UInt64) throws {
        self.path = path
        Bounds.fullPackBytes = 60_000
        var random = Random(seed: seed)
        try kind.create(path)
        let store = try ContentStore.open(at: path)
        for step in 0..<12 {
            let content = 3 + random.below(12)
            let batch = try store.makeBatch()
            let cid = try batch.put(Pool.bytes(content))
            let node = try batch.putNode(.list([.integer(Int128(step)), .link(cid), .text("a node")]))
            try batch.setRoot("r\(step % 7)", to: step % 2 == 0 ? node : cid)
            try batch.hold(node, owner: "o\(step % 3)")
            try batch.commit()
            if step % 4 == 3 { try store.dereference(node, owner: "o\(step % 3)") }
        }
        try store.gc()
        try learn(store)
    }

    /// Learns what is there from a sound store.
    init(learning path: String) throws {
        self.path = path
        try learn(try ContentStore.open(at: path, readOnly: true))
    }

    private mutating func learn(_ store: ContentStore) throws {
        names = try NameState(of: store)
        var seen: Set<CID> = []
        var work = names.named.sorted { $0.description < $1.description }
        while let cid = work.popLast() {
            guard seen.insert(cid).inserted else { continue }
            blocks.append((cid, try store.block(cid)))
            work += try store.links(of: cid)
        }
    }

    /// How reading goes: blocks that are damaged, and those that are said not to be here.
    struct Outcome {
        var damaged: Set<CID> = []
        var absent = 0
    }

    /// Reads every block: the right bytes, or an error. Never wrong bytes.
    func readAll(_ store: ContentStore) throws -> Outcome {
        var outcome = Outcome()
        for (cid, bytes) in blocks {
            do {
                guard try store.block(cid) == bytes else { throw Violation("wrong bytes for \(cid)") }
            } catch let error as StoreError {
                switch error.code {
                case .corrupt: outcome.damaged.insert(cid)
                case .notFound: outcome.absent += 1
                default: throw Violation("damage was reported as \(error.code): \(error)")
                }
            }
        }
        return outcome
    }

    /// Whether verification finds something: in its report, or by refusing a damaged index.
    static func isFound(_ store: ContentStore) throws -> Bool {
        do { return try !store.verify().isClean } catch {
            guard error.code == .corrupt else { throw error }
            return true
        }
    }
}

/// One way to spoil a file, and back.
struct Spoiling {
    enum Kind: Int, CaseIterable { case flip, zero, fill, zeroSector, staleSector, cut }

    let file: String
    let offset: Int
    let kind: Kind
    private let original: [UInt8]
    private let start: Int

    /// `whole`: the file's sound bytes.
    init(_ file: String, _ whole: [UInt8], at offset: Int, _ kind: Kind) {
        self.file = file
        self.offset = offset
        self.kind = kind
        switch kind {
        case .flip, .zero, .fill:
            start = offset
            original = [whole[offset]]
        case .zeroSector, .staleSector:
            start = offset / 512 * 512
            original = Array(whole[start..<min(start + 512, whole.count)])
        case .cut:
            start = offset
            original = Array(whole[offset...])
        }
    }

    private func write(_ bytes: [UInt8]) throws {
        let descriptor = open(file, O_WRONLY)
        guard descriptor >= 0 else { throw Violation("cannot open \(file)") }
        defer { close(descriptor) }
        guard pwrite(descriptor, bytes, bytes.count, off_t(start)) == bytes.count else {
            throw Violation("cannot write")
        }
    }

    /// False when the bytes are what they were.
    func apply(_ whole: [UInt8]) throws -> Bool {
        var bytes = original
        switch kind {
        case .flip: bytes[0] ^= UInt8(1) << UInt8(offset % 8)
        case .zero: bytes[0] = 0
        case .fill: bytes[0] = 0xff
        case .zeroSector: bytes = [UInt8](repeating: 0, count: original.count)
        case .staleSector:
            // The sector before, as after a write that went astray.
            let from = max(0, start - 512)
            bytes = Array(whole[from..<min(from + original.count, whole.count)])
        case .cut: return truncate(file, off_t(start)) == 0
        }
        if bytes == original { return false }
        try write(bytes)
        return true
    }

    func undo() throws { try write(original) }
}
