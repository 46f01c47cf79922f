/// The least that a checked read of one chunk costs: its compressed bytes straight out of LMDB by CID,
/// unpacked and hashed, with no tree and no engine.
import CLMDB
import CZstd
import Glibc
import IpldEngine
import Kernels

final class RawReference {
    private let environment: OpaquePointer
    private let table: MDB_dbi
    private let unpacker = ZSTD_createDCtx()
    private let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    private var leaves: [(end: UInt64, key: [UInt8])] = []

    /// Copies the leaves of a file into an environment of its own.
    init(_ store: ContentStore, _ cid: CID, path: String) throws {
        try Subprocess.require(["mkdir", "-p", path])
        var environment: OpaquePointer?
        mdb_env_create(&environment)
        guard let environment else { throw BenchError("no LMDB") }
        self.environment = environment
        mdb_env_set_mapsize(environment, 16 << 30)
        // A reference, not a store: nothing is flushed.
        guard mdb_env_open(environment, path, UInt32(MDB_NOSYNC), 0o666) == 0 else {
            throw BenchError("no LMDB at \(path)")
        }
        var transaction: OpaquePointer?
        var table = MDB_dbi()
        guard mdb_txn_begin(environment, nil, 0, &transaction) == 0,
            mdb_dbi_open(transaction, nil, 0, &table) == 0
        else { throw BenchError("LMDB does not begin a transaction") }
        self.table = table
        let packer = ZSTD_createCCtx()
        defer { ZSTD_freeCCtx(packer) }
        let packed = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 << 20, alignment: 64)
        defer { packed.deallocate() }
        var cursor = try TreeCursor(root: cid, size: try store.size(of: cid), source: store)
        while let run = try cursor.next() {
            var key: [UInt8] = []
            run.cid.withDigest { key = Array($0) }
            let length = try store.withBlock(run.cid) { (block) throws(StoreError) in
                ZSTD_compressCCtx(packer, packed.baseAddress, packed.count, block.baseAddress, block.count, 1)
            }
            try key.withUnsafeMutableBytes { bytes in
                var name = MDB_val(mv_size: bytes.count, mv_data: bytes.baseAddress)
                var value = MDB_val(mv_size: length, mv_data: packed.baseAddress)
                guard mdb_put(transaction, table, &name, &value, 0) == 0 else {
                    throw BenchError("LMDB does not store")
                }
            }
            for number in 0..<run.count { leaves.append((run.offset + run.size * (number + 1), key)) }
        }
        guard mdb_txn_commit(transaction) == 0 else { throw BenchError("LMDB does not commit") }
    }

    func close() {
        mdb_env_close(environment)
        ZSTD_freeDCtx(unpacker)
        room.deallocate()
    }

    func read(at offset: UInt64) throws {
        var low = 0
        var high = leaves.count
        while low < high {
            let middle = (low + high) / 2
            if leaves[middle].end <= offset { low = middle + 1 } else { high = middle }
        }
        var transaction: OpaquePointer?
        guard mdb_txn_begin(environment, nil, UInt32(MDB_RDONLY), &transaction) == 0 else {
            throw BenchError("LMDB")
        }
        defer { mdb_txn_abort(transaction) }
        var digest = [UInt8](repeating: 0, count: 32)
        try leaves[low].key.withUnsafeMutableBytes { bytes in
            var name = MDB_val(mv_size: bytes.count, mv_data: bytes.baseAddress)
            var value = MDB_val()
            guard mdb_get(transaction, table, &name, &value) == 0 else {
                throw BenchError("LMDB has lost a leaf")
            }
            let length = ZSTD_decompressDCtx(
                unpacker, room.baseAddress, room.count, value.mv_data, value.mv_size)
            ipk_blake3(room.baseAddress, length, &digest)
        }
        guard digest == leaves[low].key else { throw BenchError("LMDB gives another chunk") }
    }
}
