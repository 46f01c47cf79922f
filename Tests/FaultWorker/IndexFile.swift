import Glibc

/// The index file as LMDB 0.9 lays it out: two meta pages of 4 KiB, of which the one with the greater
/// transaction number counts.
enum IndexFile {
    private static let pageBytes = 4096
    /// From the page's start: its head, then magic, version, address, map size, two tables, last page.
    private static let transactionOffset = 16 + 24 + 96 + 8

    /// Makes the last commit undone, as where it never reached the disk. LMDB keeps the pages of the commit
    /// before the last.
    static func rollBack(_ store: String) throws {
        let descriptor = open(store + "/index/data.mdb", O_RDWR)
        guard descriptor >= 0 else { throw Violation("no index") }
        defer { close(descriptor) }
        var numbers: [UInt64] = [0, 0]
        for page in 0..<2 {
            guard pread(descriptor, &numbers[page], 8, off_t(page * pageBytes + transactionOffset)) == 8
            else {
                throw Violation("the index has no meta page \(page)")
            }
        }
        var none: UInt64 = 0
        let newest = numbers[0] > numbers[1] ? 0 : 1
        pwrite(descriptor, &none, 8, off_t(newest * pageBytes + transactionOffset))
    }
}
