/// zstd, one frame a block.
import CZstd

/// How a store's payloads are compressed.
public enum Compression: Equatable, Sendable {
    case none
    /// Levels 1 to 19.
    case zstd(level: Int32)
}

/// A compression context, used by one thread at a time.
final class Compressor {
    private let context: OpaquePointer?
    private let compression: Compression

    init(_ compression: Compression) {
        self.compression = compression
        context = if case .zstd = compression { ZSTD_createCCtx() } else { nil }
    }

    deinit { ZSTD_freeCCtx(context) }

    /// Compresses into `target`; the length, or nil when it does not pay (less than 1/32 saved) and
    /// the block is better stored as it is.
    func compress(_ block: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Int? {
        guard case .zstd(let level) = compression, let context, block.count >= 64 else { return nil }
        let limit = block.count - block.count / 32
        let room = min(target.count, limit)
        let length = ZSTD_compressCCtx(
            context, target.baseAddress, room, block.baseAddress, block.count, level)
        return ZSTD_isError(length) == 0 ? length : nil
    }
}

/// A decompression context, used by one thread at a time.
final class Decompressor {
    private let context = ZSTD_createDCtx()

    deinit { ZSTD_freeDCtx(context) }

    /// Fills `target` exactly from one frame of exactly these bytes; false when that is not what they
    /// are. Never writes, nor allocates, beyond what `target` is.
    func decompress(_ frame: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Bool {
        guard let context,
            ZSTD_getFrameContentSize(frame.baseAddress, frame.count) == UInt64(target.count),
            ZSTD_findFrameCompressedSize(frame.baseAddress, frame.count) == frame.count
        else { return false }
        return ZSTD_decompressDCtx(context, target.baseAddress, target.count, frame.baseAddress, frame.count)
            == target.count
    }
}
