import IpldEngine

/// A directory that is read entry by entry, and written anew beside that.
final class DirectoryFrame {
    /// Its name and entry; nil for the outermost one.
    let holder: (name: FileName, entry: Entry)?
    let builder: DirectoryBuilder
    private var map: DirectoryMap
    private var position: UInt64 = 0

    init(
        _ directory: Directory, _ holder: (name: FileName, entry: Entry)?, _ source: TreeSource,
        _ batch: Batch
    ) throws(StoreError) {
        self.holder = holder
        builder = DirectoryBuilder(batch)
        map = try DirectoryMap(directory, source)
    }

    func next() throws(StoreError) -> (name: FileName, entry: Entry)? {
        guard position < map.count else { return nil }
        defer { position += 1 }
        return try map.entry(at: position)
    }
}
