import IpldEngine

/// The trees of a store, and their history.
///
/// A **branch** is a root `fs/branch/NAME` that points to its newest version, and moves only when it is where
/// the one who moves it believes it is. Its history is kept alive by holds of an owner of the root's name,
/// one a version: links from a version to those before it are weak, so that old versions go without rewriting
/// new ones. Holds and not roots, because a history has thousands of versions, which are no names that
/// anybody gave. A **tag** is a root `fs/tag/NAME`, which never moves by itself.
///
/// In a layer, a branch or tag that only a base has is read as the base has it. The first commit to such a
/// branch makes the layer's own of it, which comes after the base's version and holds that; the base does not
/// change. A name of the layer's own hides the base's.
///
/// May be used by several threads at once.
public final class FileSystem: Sendable {
    public let store: ContentStore

    public init(_ store: ContentStore) { self.store = store }

    public static let branchPrefix = "fs/branch/"
    public static let tagPrefix = "fs/tag/"
    /// The longest name of a branch or tag in bytes.
    public static let maximumNameLength = 200

    // MARK: Names

    public struct Reference: Equatable, Sendable {
        public let name: String
        public let version: CID
        /// Whether it is not the store's own, but one of a base.
        public let isOfBase: Bool

        public init(name: String, version: CID, isOfBase: Bool = false) {
            self.name = name
            self.version = version
            self.isOfBase = isOfBase
        }
    }

    /// In bytewise order of name; in a layer, those of its bases too.
    public func branches() throws(StoreError) -> [Reference] { try references(Self.branchPrefix) }
    public func tags() throws(StoreError) -> [Reference] { try references(Self.tagPrefix) }

    /// The newest version of a branch, in a layer also of a base's; nil when there is no such branch.
    public func branch(_ name: String) throws(StoreError) -> CID? {
        try store.rootHereOrBelow(try Self.rootName(branch: name))
    }

    /// What a tag names, in a layer also a base's; nil when there is no such tag.
    public func tag(_ name: String) throws(StoreError) -> CID? {
        try store.rootHereOrBelow(Self.tagPrefix + (try Self.checked(name, "tag")))
    }

    /// Tags a version. EXISTS when the tag is there, in a layer also in a base, unless it may be moved, and
    /// when a branch has the name.
    public func setTag(_ name: String, to version: CID, moving: Bool = false) throws(StoreError) {
        _ = try self.version(version)
        if !moving, try tag(name) != nil { throw Self.exists("the tag \(name)") }
        let root = Self.tagPrefix + (try Self.checked(name, "tag"))
        let batch = try store.makeBatch()
        do throws(StoreError) {
            if try store.root(root) == nil { try reserve(name, against: Self.branchPrefix, in: batch) }
            try batch.setRoot(root, to: version, expecting: moving ? .anything : .absent)
            try batch.commit()
        } catch {
            batch.abort()
            throw error.code == .conflict ? Self.exists("a tag or branch \(name)") : error
        }
    }

    /// NOT_FOUND when there is no such tag, or only in a base. What went with it before it returned.
    @discardableResult
    public func removeTag(_ name: String) throws(StoreError) -> CollectionReport {
        let root = Self.tagPrefix + (try Self.checked(name, "tag"))
        guard try store.root(root) != nil else { throw try missing("tag", name, root) }
        return try store.removeRoot(root)
    }

    /// Makes a branch at a version, in one transaction; nothing is copied. EXISTS when there is one, in a
    /// layer also where a base has one that is at another version, or a tag of the name. The history before
    /// the version stays as long as another branch, or a tag, keeps it.
    public func fork(_ name: String, at version: CID) throws(StoreError) {
        _ = try self.version(version)
        let root = try Self.rootName(branch: name)
        if let there = try branch(name), there != version { throw Self.exists("the branch \(name)") }
        let batch = try store.makeBatch()
        do throws(StoreError) {
            try reserve(name, against: Self.tagPrefix, in: batch)
            try batch.setRoot(root, to: version, expecting: .absent)
            try batch.hold(version, owner: root)
            try batch.commit()
        } catch {
            batch.abort()
            throw error.code == .conflict ? Self.exists("a branch or tag \(name)") : error
        }
    }

    /// Removes a branch with the history that only it keeps, and the versions that came too late for a branch
    /// that was removed (`commit`). NOT_FOUND when there is neither, or the branch is a
    /// base's. `progress` hears of the versions that
    /// went, and of the blocks that were reclaimed; what it stops is gone on with by the next call, or, once
    /// the branch is gone, by `gc`. What went with it before it returned.
    @discardableResult
    public func removeBranch(_ name: String, progress: StepHandler? = nil) throws(StoreError)
        -> CollectionReport
    {
        let root = try Self.rootName(branch: name)
        if try store.root(root) == nil {
            guard try !store.holds(owner: root, after: nil, limit: 1).isEmpty else {
                throw try missing("branch", name, root)
            }
        }
        // Its name goes with the last of its history: what is cut off in between is a branch still.
        let steps = StepCounter(progress)
        let rest = try release(try store.holds(owner: root), leaving: Self.namesAtOnce, steps)
        try store.remove(roots: [root, try Self.seenRoot(name)], holds: rest)
        try steps?.step(rest.count)
        return try store.gc(budget: ContentStore.defaultReclaimBudget, progress: steps?.onward)
    }

    /// What a CID is, or a branch, a tag or a root names, in this order; in a layer, what a base has is found
    /// too. Where none of them is called so, `NAME~N` is the Nth version before (`ancestor`), and the
    /// beginning of a CID is that (`abbreviated`).
    public func resolve(_ reference: String) throws(StoreError) -> CID {
        if let cid = try? CID(parsing: reference) { return cid }
        if Self.isName(reference) {
            for prefix in [Self.branchPrefix, Self.tagPrefix] {
                if let version = try store.rootHereOrBelow(prefix + reference) { return version }
            }
        }
        if let cid = try store.rootHereOrBelow(reference) { return cid }
        if let cid = try ancestor(reference) { return cid }
        if let cid = try abbreviated(reference) { return cid }
        throw StoreError(.notFound, "there is no branch, tag or root \(reference)")
    }

    // MARK: Trees

    /// Whether a CID names a file's bytes, and no tree, version or directory. INVALID for what is none of
    /// them.
    public func isFile(_ cid: CID) throws(StoreError) -> Bool {
        if case .file = try TreeNodes.open(cid, try TreeSource(store)) { true } else { false }
    }

    /// A version. INVALID for what is none.
    public func version(_ cid: CID) throws(StoreError) -> Version {
        guard case .version(let version) = try TreeNodes.open(cid, try TreeSource(store)) else {
            throw StoreError(.invalid, "\(cid) is no version of a tree")
        }
        return version
    }

    /// Opens what a CID names: a version, a tree, or a directory's map.
    public func open(_ cid: CID) throws(StoreError) -> Workspace { try Workspace(store, on: cid) }

    /// Whether a CID names a version, a tree or a directory's map, and not a file or anything else.
    public func isTree(_ cid: CID) throws(StoreError) -> Bool {
        do throws(StoreError) {
            if case .file = try TreeNodes.open(cid, try TreeSource(store)) { return false }
            return true
        } catch {
            guard error.code == .invalid || error.code == .unsupported else { throw error }
            return false
        }
    }

    /// Makes a branch of a tree of nothing. EXISTS when there is one, or a tag of the name.
    public func createBranch(_ name: String, message: String = "", author: String = "")
        throws(StoreError) -> CID
    {
        guard try branch(name) == nil else { throw Self.exists("the branch \(name)") }
        return try commit(try Workspace(store), to: name, message: message, author: author)
    }

    /// Opens the newest version of a branch; a new tree when there is no such branch, which the first commit
    /// makes.
    public func open(branch name: String) throws(StoreError) -> Workspace {
        // The version stays, whoever moves the branch meanwhile.
        let source = try TreeSource(store)
        guard let version = try branch(name) else { return try Workspace(store) }
        return try Workspace(source, on: version)
    }

    /// Makes a version of a workspace's tree and moves the branch to it. The workspace goes on from there. A
    /// tree that is the one of the version before makes no new one, and is that. EXISTS when the branch would
    /// be made and a tag has its name.
    ///
    /// NOT_FOUND when the workspace was opened on a version and there is no such branch: `fork` makes it.
    ///
    /// All of it is one transaction: tree, version, and the branch's move. CONFLICT when the branch is no
    /// longer at the version that the workspace was opened on. Then, with `keepingRefused`, the new version
    /// is there nevertheless, held by the branch, and the workspace is at it: it can be merged, and is
    /// `refusedVersion`. Without, and where there was nothing to commit, or the batch itself was refused,
    /// there is no new version.
    ///
    /// `progress` hears of the directories that are stored and the blocks that are read for it. What it stops
    /// has changed nothing: the workspace has its changes still, and can be committed.
    @discardableResult
    public func commit(
        _ workspace: Workspace, to name: String, message: String = "", author: String = "",
        time: Timestamp? = nil, keepingRefused: Bool = true, progress: StepHandler? = nil
    ) throws(StoreError) -> CID {
        try commit(
            workspace, to: name, message: message, author: author, time: time,
            keepingRefused: keepingRefused, StepCounter(progress))
    }

    func commit(
        _ workspace: Workspace, to name: String, message: String, author: String, time: Timestamp?,
        keepingRefused: Bool = true, _ steps: StepCounter?
    ) throws(StoreError) -> CID {
        guard workspace.store === store else {
            throw StoreError(.invalid, "the workspace is one of another store")
        }
        let root = try Self.rootName(branch: name)
        let before = workspace.version
        if before != nil, try store.rootHereOrBelow(root) == nil {
            throw StoreError(.notFound, "there is no branch \(name): fork it from where the tree is first")
        }
        if workspace.refusedVersion != before { workspace.refusedVersion = nil }
        workspace.source.steps = steps
        defer { workspace.source.steps = nil }
        let tree = try workspace.storeTree()
        if let before, workspace.merged.isEmpty, try version(before).tree == tree {
            let batch = try workspace.batch()
            // What leads to what was stored again was not put.
            if batch.hasStored, !store.bases.isEmpty { try batch.putAgain(below: tree) }
            try keep(before, of: root, in: batch)
            try workspace.finish(at: before)
            guard try store.rootHereOrBelow(root) == before else {
                throw Self.moved(name, workspace.refusedVersion)
            }
            return before
        }
        var previous = (before.map { [$0] } ?? []) + workspace.merged
        // Whoever merges the same versions of this type makes the same version of them.
        if workspace.rootEntry.sync == .merkleCRDT { previous.sort() }
        var version = Version(
            tree: tree, previous: previous, time: time ?? workspace.clock(), message: message, author: author)
        for before in previous {
            version.generation = max(version.generation, try self.version(before).generation + 1)
        }
        let batch = try workspace.batch()
        let cid = try batch.putVersion(version)
        try batch.hold(cid, owner: root)
        for version in try newHistory(workspace.merged, behind: before, steps) {
            try batch.hold(version, owner: root)
        }
        try move(name, from: before, to: cid, in: batch, mayStay: keepingRefused)
        do throws(StoreError) { try workspace.finish(at: cid) } catch {
            guard error.code == .conflict else { throw error }
            if before == nil, try tag(name) != nil {
                throw Self.exists("a tag \(name)")
            }
            throw try store.rootHereOrBelow(root) == before ? error : Self.moved(name, nil)
        }
        workspace.refusedVersion = batch.refusedRoots.isEmpty ? nil : cid
        guard batch.refusedRoots.isEmpty else { throw Self.moved(name, cid) }
        return cid
    }

    /// Has a layer keep what a batch has stored again of a version that stays what it is, because a base has
    /// lost something of it: then the version, and its branch, are the layer's own.
    func keep(_ version: CID, of root: String, in batch: Batch) throws(StoreError) {
        guard !store.bases.isEmpty else { return }
        let bytes = try store.block(version)
        let isStored = try bytes.withBytes { (bytes) throws(StoreError) in
            try batch.putAgain(version, bytes)
        }
        guard isStored, try store.root(root) == nil else { return }
        try batch.setRoot(root, to: version, expecting: .absent)
        try batch.hold(version, owner: root)
    }

    /// As `commit` of a workspace, of a tree that was built in a batch, which is committed; `previous` are
    /// the versions that it comes from, the first of which the branch must be at.
    @discardableResult
    public func commit(
        tree: CID, in batch: Batch, to name: String, previous: [CID], message: String = "",
        author: String = "", time: Timestamp = .now()
    ) throws(StoreError) -> CID {
        let version = Version(tree: tree, previous: previous, time: time, message: message, author: author)
        let (cid, hasMoved) = try commit(version, in: batch, to: name)
        guard hasMoved else { throw Self.moved(name, cid) }
        return cid
    }

    /// Commits a batch with a version, whose generation is set here, and says whether the branch was moved to
    /// it; when not, it is held by the branch nevertheless.
    func commit(_ version: Version, in batch: Batch, to name: String) throws(StoreError)
        -> (cid: CID, hasMoved: Bool)
    {
        let root = try Self.rootName(branch: name)
        var version = version
        for before in version.previous {
            version.generation = max(version.generation, try self.version(before).generation + 1)
        }
        let cid = try batch.putVersion(version)
        try batch.hold(cid, owner: root)
        try move(name, from: version.previous.first, to: cid, in: batch, mayStay: true)
        try batch.commit()
        return (cid, batch.refusedRoots.isEmpty)
    }

    /// Has a batch move a branch that is at `old`, or, where it `mayStay`, leave it where it is. One that
    /// only a base has becomes the store's own, and holds where it begins.
    func move(_ name: String, from old: CID?, to new: CID, in batch: Batch, mayStay: Bool)
        throws(StoreError)
    {
        let root = try Self.rootName(branch: name)
        var expected = old.map { RootExpectation.cid($0) } ?? .absent
        if try store.root(root) == nil {
            if let below = try store.rootHereOrBelow(root) {
                // Elsewhere than expected somebody else moved it, and what is not here is at no version.
                expected = below == old ? .absent : .cid(below)
                if below == old { try batch.hold(below, owner: root) }
            } else if old == nil {
                try reserve(name, against: Self.tagPrefix, in: batch)
            }
        }
        try batch.setRoot(root, to: new, expecting: expected, mayStay: mayStay)
    }

    /// Refuses a name that a root with another prefix has here or in a base, now, and here when the batch is
    /// committed, which then is a CONFLICT.
    func reserve(_ name: String, against prefix: String, in batch: Batch) throws(StoreError) {
        try checkUnused(name, by: prefix)
        try batch.setRoot(prefix + name, to: nil, expecting: .absent)
    }

    func checkUnused(_ name: String, by prefix: String) throws(StoreError) {
        guard try store.rootHereOrBelow(prefix + name) == nil else {
            throw Self.exists(prefix == Self.tagPrefix ? "a tag \(name)" : "a branch \(name)")
        }
    }

    /// `new`: the version that the branch holds nevertheless.
    package static func moved(_ name: String, _ new: CID?) -> StoreError {
        let rest = new.map { "what was to come there is \($0)" } ?? "nothing was committed"
        return StoreError(.conflict, "the branch \(name) was moved by somebody else; \(rest)")
    }
}

extension Workspace {
    /// Commits the batch, and goes on from the version that was stored in it.
    func finish(at version: CID) throws(StoreError) {
        do throws(StoreError) { try source.batch?.commit() } catch {
            end()
            throw error
        }
        source.batch = nil
        self.version = version
        merged = []
    }
}
