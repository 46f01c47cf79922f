import ArgumentParser
import IpldEngine
import MonoFS

/// `diff` of two trees, or of two places in trees.
extension Difference {
    func compareTrees(_ files: FileSystem, _ old: Place, _ new: Place) throws {
        guard case .directory(let before) = old.entry.content,
            case .directory(let after) = new.entry.content
        else { return try compareEntries(files, new.name.path, old.entry, new.entry) }
        let diff = try files.diffWithRenames(
            from: try root(old, before), to: try root(new, after),
            includingTombstones: isAll)
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
        let lines = isUnified ? try unified(change, files) : nil
        let ranges = showsBytes ? try bytes(change, files) : nil
        if options.isJSON {
            var fields = Self.fields(change)
            if isUnified { fields.append(("unified", JSON(lines.map { $0.map { $0 + "\n" }.joined() }))) }
            if showsBytes {
                fields.append(("bytes", ranges.map { .array($0.map(ContentDifference.json)) } ?? .null))
            }
            return try StandardOutput.write(JSON.object(fields).text)
        }
        try StandardOutput.write(line: Self.line(change))
        for line in lines ?? [] { try StandardOutput.write(line: line) }
        for range in ranges ?? [] { try StandardOutput.write(line: ContentDifference.line(range)) }
    }

    /// What a place names: a tree, or a directory's map.
    private func root(_ place: Place, _ directory: Directory) throws -> CID {
        if place.name.path == .root { return place.tree }
        guard let map = directory.map else {
            throw CommandExit.usage("\(place.name.text) is an empty directory: there is nothing to compare")
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

    private static func fields(_ change: TreeChange) -> [(String, JSON)] {
        func entry(_ entry: Entry?) -> JSON { entry.map { .object(TreeText.fields($0)) } ?? .null }
        return [
            ("kind", .string(change.kind.rawValue)), ("path", TreeText.json(change.path.bytes)),
            ("old_path", change.oldPath.map { TreeText.json($0.bytes) } ?? .null),
            ("changed", .array(words(change.aspects).map { .string($0) })), ("old", entry(change.old)),
            ("new", entry(change.new)),
        ]
    }

    /// The lines that differ, of small text files; nil where they are none, or equal.
    private func unified(_ change: TreeChange, _ files: FileSystem) throws -> [String]? {
        guard change.kind != .modified || change.aspects.contains(.content) else { return nil }
        guard let old = try text(change.old, files), let new = try text(change.new, files),
            !old.utf8.elementsEqual(new.utf8)
        else { return nil }
        let path = TreeText.quoted(change.path.bytes)
        let oldPath = change.oldPath.map { TreeText.quoted($0.bytes) } ?? path
        return ContentDifference.unified(
            old, new, from: change.old.isThere ? "a/\(oldPath)" : "/dev/null",
            to: change.new.isThere ? "b/\(path)" : "/dev/null")
    }

    /// A file's text, nothing where there is none; nil for what is no small text.
    private func text(_ entry: Entry?, _ files: FileSystem) throws -> String? {
        guard let entry, entry.isThere else { return "" }
        guard case .file(let content) = entry.content else { return nil }
        return try ContentDifference.text(files.store, content)
    }

    /// The bytes that differ; nil where not both are files.
    private func bytes(_ change: TreeChange, _ files: FileSystem) throws -> [FileChange]? {
        guard case .file(let old)? = change.old?.content, case .file(let new)? = change.new?.content else {
            return nil
        }
        var changes: [FileChange] = []
        try ContentDifference.forEach(
            files.store, old, new, progress: { (_) throws(StoreError) in try Interruption.check() }
        ) { changes.append($0) }
        return changes
    }
}

extension Entry {
    fileprivate var isThere: Bool { !isTombstone }
}

extension Optional where Wrapped == Entry {
    fileprivate var isThere: Bool { self?.isThere ?? false }
}
