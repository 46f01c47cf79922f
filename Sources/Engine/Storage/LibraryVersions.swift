import CLMDB
import CZstd

/// The libraries that the engine runs on, as they are at run time.
public enum LibraryVersions {
    /// `LMDB 0.9.24, zstd 1.5.4`.
    public static var text: String {
        var (major, minor, patch): (Int32, Int32, Int32) = (0, 0, 0)
        mdb_version(&major, &minor, &patch)
        return "LMDB \(major).\(minor).\(patch), zstd \(String(cString: ZSTD_versionString()))"
    }
}
