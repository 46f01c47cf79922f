import Testing

@testable import IpldEngine
@testable import MonoFS

/// A file system in memory that is as simple as can be: what a workspace is compared with.
final class ModelFile {
    enum Kind {
        case file([UInt8])
        case directory([[UInt8]: ModelFile])
        case symlink([UInt8])
    }
    var kind: Kind
    var mode: UInt16
    /// Other names of the same file have the same object.
    init(_ kind: Kind, _ mode: UInt16) {
        self.kind = kind
        self.mode = mode
    }

    var isDirectory: Bool { if case .directory = kind { true } else { false } }
    var children: [[UInt8]: ModelFile]? {
        get { if case .directory(let children) = kind { children } else { nil } }
        set { if let newValue { kind = .directory(newValue) } }
    }

    /// A copy in which names that share a file share the copy.
    func copied(_ known: inout [ObjectIdentifier: ModelFile]) -> ModelFile {
        if let copy = known[ObjectIdentifier(self)] { return copy }
        let copy = ModelFile(kind, mode)
        known[ObjectIdentifier(self)] = copy
        if let children {
            copy.kind = .directory(children.mapValues { $0.copied(&known) })
        }
        return copy
    }
}

/// Operations without symbolic links on the way; each gives the code of its error.
struct Model {
    let root = ModelFile(.directory([:]), 0o755)

    private func find(_ path: [[UInt8]]) -> (file: ModelFile?, code: StoreError.Code?) {
        var file = root
        for name in path {
            guard let children = file.children else { return (nil, .invalid) }
            guard let child = children[name] else { return (nil, .notFound) }
            file = child
        }
        return (file, nil)
    }

    /// The directory of a path's last name.
    private func parent(_ path: [[UInt8]]) -> (file: ModelFile?, code: StoreError.Code?) {
        let (parent, code) = find(path.dropLast())
        if let parent, !parent.isDirectory { return (nil, .invalid) }
        return (parent, code)
    }

    func add(_ path: [[UInt8]], _ file: ModelFile) -> StoreError.Code? {
        guard let name = path.last else { return .exists }
        let (parent, code) = parent(path)
        guard let parent else { return code }
        guard parent.children?[name] == nil else { return .exists }
        parent.children?[name] = file
        return nil
    }

    func write(_ path: [[UInt8]], _ bytes: [UInt8]) -> StoreError.Code? {
        guard let name = path.last else { return .invalid }
        let (parent, code) = parent(path)
        guard let parent else { return code }
        guard let file = parent.children?[name] else {
            parent.children?[name] = ModelFile(.file(bytes), 0o644)
            return nil
        }
        guard case .file = file.kind else { return .invalid }
        file.kind = .file(bytes)
        return nil
    }

    func setMode(_ path: [[UInt8]], _ mode: UInt16) -> StoreError.Code? {
        let (file, code) = find(path)
        file?.mode = mode
        return code
    }

    func link(_ path: [[UInt8]], _ target: [[UInt8]]) -> StoreError.Code? {
        let (file, code) = find(path)
        guard let file else { return code }
        guard let name = target.last else { return .exists }
        let (parent, parentCode) = parent(target)
        guard let parent else { return parentCode }
        guard parent.children?[name] == nil else { return .exists }
        guard !file.isDirectory else { return .invalid }
        parent.children?[name] = file
        return nil
    }

    func rename(_ path: [[UInt8]], _ target: [[UInt8]]) -> StoreError.Code? {
        let (file, code) = find(path)
        guard let file else { return code }
        guard let name = target.last else { return .exists }
        let (parent, parentCode) = parent(target)
        guard let parent else { return parentCode }
        guard let oldName = path.last else { return .invalid }
        if path == target { return nil }
        if file.isDirectory, target.starts(with: path) { return .invalid }
        if let old = parent.children?[name] {
            if file.isDirectory != old.isDirectory { return .invalid }
            if let children = old.children, !children.isEmpty { return .invalid }
        }
        find(path.dropLast()).file?.children?[oldName] = nil
        parent.children?[name] = file
        return nil
    }

    func copy(_ path: [[UInt8]], _ target: [[UInt8]]) -> StoreError.Code? {
        let (file, code) = find(path)
        guard let file else { return code }
        guard let name = target.last else { return .exists }
        let (parent, parentCode) = parent(target)
        guard let parent else { return parentCode }
        guard path != target else { return .exists }
        if let old = parent.children?[name], old.isDirectory || file.isDirectory { return .exists }
        var known: [ObjectIdentifier: ModelFile] = [:]
        parent.children?[name] = file.copied(&known)
        return nil
    }

    func remove(_ path: [[UInt8]], tree: Bool) -> StoreError.Code? {
        let (file, code) = find(path)
        guard let file else { return code }
        guard let name = path.last else { return .invalid }
        if !tree, let children = file.children, !children.isEmpty { return .invalid }
        find(path.dropLast()).file?.children?[name] = nil
        return nil
    }

    var entryCount: Int { count(root) - 1 }
    private func count(_ file: ModelFile) -> Int {
        1 + (file.children?.values.reduce(0) { $0 + count($1) } ?? 0)
    }
}

/// Compares a workspace with the model, name by name.
func expectEqual(_ workspace: Workspace, _ model: Model) throws {
    var groups: [ObjectIdentifier: HardLinkGroup?] = [:]
    var shared: [ObjectIdentifier: Int] = [:]
    func visit(_ path: FilePath, _ file: ModelFile) throws {
        let entry = try workspace.status(path)
        #expect(entry.mode == file.mode, "\(path)")
        switch file.kind {
        case .file(let content):
            #expect(try workspace.read(path) == content, "\(path)")
            #expect(entry.size == UInt64(content.count))
        case .symlink(let target): #expect(try workspace.target(path) == target)
        case .directory(let children):
            let listed = try workspace.list(path)
            #expect(listed.map(\.name.bytes) == children.keys.sorted { $0.precedes($1) }, "\(path)")
            for (name, _) in listed {
                if let child = children[name.bytes] { try visit(path.appending(name), child) }
            }
            return
        }
        shared[ObjectIdentifier(file), default: 0] += 1
        if let known = groups[ObjectIdentifier(file)] {
            #expect(known == entry.hardLink && known != nil, "\(path) is a hard link")
        } else {
            groups[ObjectIdentifier(file)] = entry.hardLink
        }
    }
    try visit(.root, model.root)
    #expect(try workspace.status(.root).below?.totals.entries == UInt64(model.entryCount))
    // Files that are not the same have other groups.
    let used = groups.values.compactMap { $0 }
    #expect(Set(used).count == used.count)
}
