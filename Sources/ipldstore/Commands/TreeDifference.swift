import ArgumentParser
import IpldEngine
import MonoFS

/// `diff` of two trees, or of two places in trees.
extension Difference {
    /// The trees that both arguments name; nil when one of them is no tree and no place in one.
    func trees(_ files: FileSystem) throws -> (old: TreePlace, new: TreePlace)? {
        guard let left = TreePlace(argument: old), let right = TreePlace(argument: new) else { return nil }
        if left.hasPath || right.hasPath { return (left, right) }
        guard let a = try? files.resolve(left.reference), let b = try? files.resolve(right.reference) else {
            return nil
        }
        return try files.isTree(a) && files.isTree(b) ? (left, right) : nil
    }

    func compareTrees(_ files: FileSystem, _ left: TreePlace, _ right: TreePlace) throws {
        let (old, new) = (try entry(left, files), try entry(right, files))
        guard case .directory(let oldDirectory) = old.content, case .directory(let newDirectory) = new.content
        else { return try compareEntries(files, right.path, old, new) }
        let diff = try files.diffWithRenames(
            from: try root(left, oldDirectory, files), to: try root(right, newDirectory, files),
            includingTombstones: isAll)
        Interruption.watch()
        var isFirst = true
        if options.isJSON { try StandardOutput.write("[") }
        while let change = try diff.next() {
            try Interruption.check()
            // A directory's time says only that something in it has changed.
            if change.aspects == .time, change.new?.isDirectory == true, !isAll { continue }
            if options.isJSON { try StandardOutput.write(isFirst ? "" : ",") }
            isFirst = false
            try show(change, files)
        }
        if options.isJSON { try StandardOutput.write("]\n") }
    }

    /// Two entries of which not both are directories.
    private func compareEntries(_ files: FileSystem, _ path: FilePath, _ old: Entry, _ new: Entry) throws {
        let change = TreeChange(modified: path, from: old, to: new)
        if options.isJSON { try StandardOutput.write("[") }
        if !change.aspects.isEmpty { try show(change, files) }
        if options.isJSON { try StandardOutput.write("]\n") }
    }

    private func show(_ change: TreeChange, _ files: FileSystem) throws {
        if options.isJSON { return try StandardOutput.write(Self.json(change).text) }
        try StandardOutput.write(line: Self.line(change))
        if isUnified { try unified(change, files) }
    }

    private func entry(_ place: TreePlace, _ files: FileSystem) throws -> Entry {
        try files.open(try files.resolve(place.reference)).status(place.path, followingLinks: true)
    }

    /// What a place names: a tree, or a directory's map.
    private func root(_ place: TreePlace, _ directory: Directory, _ files: FileSystem) throws -> CID {
        if place.path == .root { return try files.resolve(place.reference) }
        guard let map = directory.map else {
            throw CommandExit.usage("\(place.text) is an empty directory: there is nothing to compare")
        }
        return map
    }

    /// A letter, what differs, and the path.
    private static func line(_ change: TreeChange) -> String {
        let path = TreeText.quoted(change.path.bytes)
        switch change.kind {
        case .added: return "A\t\(path)" + (change.new?.isDirectory == true ? "/" : "")
        case .removed: return "D\t\(path)" + (change.old?.isDirectory == true ? "/" : "")
        case .modified: return "M\t\(path)\t\(words(change.aspects).joined(separator: ","))"
        case .renamed: return "R\t\(TreeText.quoted(change.oldPath?.bytes ?? []))\t\(path)"
        case .tombstone: return "T\t\(path)"
        }
    }

    private static func words(_ aspects: TreeChange.Aspects) -> [String] {
        let names: [(TreeChange.Aspects, String)] = [
            (.type, "type"), (.content, "content"), (.mode, "mode"), (.owner, "owner"), (.time, "time"),
            (.attributes, "attributes"), (.sync, "sync"), (.hardLink, "hardlink"), (.other, "other"),
        ]
        return names.filter { aspects.contains($0.0) }.map(\.1)
    }

    private static func json(_ change: TreeChange) -> JSON {
        func entry(_ entry: Entry?) -> JSON { entry.map { .object(TreeText.fields($0)) } ?? .null }
        return .object([
            ("kind", .string(change.kind.rawValue)), ("path", TreeText.json(change.path.bytes)),
            ("old_path", change.oldPath.map { TreeText.json($0.bytes) } ?? .null),
            ("changed", .array(words(change.aspects).map { .string($0) })), ("old", entry(change.old)),
            ("new", entry(change.new)),
        ])
    }

    /// The lines that differ, of small text files.
    private func unified(_ change: TreeChange, _ files: FileSystem) throws {
        guard change.kind != .modified || change.aspects.contains(.content) else { return }
        guard let old = try text(change.old, files), let new = try text(change.new, files), old != new else {
            return
        }
        let path = TreeText.quoted(change.path.bytes)
        let oldPath = change.oldPath.map { TreeText.quoted($0.bytes) } ?? path
        try StandardOutput.write(line: "--- " + (change.old.isThere ? "a/\(oldPath)" : "/dev/null"))
        try StandardOutput.write(line: "+++ " + (change.new.isThere ? "b/\(path)" : "/dev/null"))
        for hunk in LineDiff.hunks(old, new) { try StandardOutput.write(line: hunk) }
    }

    /// A file's text, nothing where there is none; nil for what is no small text.
    private func text(_ entry: Entry?, _ files: FileSystem) throws -> String? {
        guard let entry, entry.isThere else { return "" }
        guard case .file(let content) = entry.content, content.size <= LineDiff.largestFile else {
            return nil
        }
        var bytes: [UInt8] = []
        switch content {
        case .inline(let own): bytes = own
        case .stored(let cid, _):
            try files.store.copyBytes(of: cid, from: 0, length: nil, progress: nil) {
                (piece) throws(StoreError) in bytes.append(contentsOf: piece)
            }
        }
        guard !bytes.contains(0) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }
}

extension Entry {
    fileprivate var isThere: Bool { !isTombstone }
}

extension Optional where Wrapped == Entry {
    fileprivate var isThere: Bool { self?.isThere ?? false }
}
