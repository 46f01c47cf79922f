import IpldEngine

/// Names of branches and tags: which there are, and which there may be.
extension FileSystem {
    static func rootName(branch name: String) throws(StoreError) -> String {
        branchPrefix + (try checked(name, "branch"))
    }

    /// The name; INVALID when no branch or tag (`what` it is to name) may be called so.
    package static func checked(_ name: String, _ what: String) throws(StoreError) -> String {
        guard isName(name) else {
            throw StoreError(
                .invalid,
                "the name of a \(what) has 1 to \(maximumNameLength) bytes without control characters and "
                    + "\":\", is no CID, and does not end in ~ or ~N, which names a version before")
        }
        return name
    }

    static func isName(_ name: String) -> Bool {
        (1...maximumNameLength).contains(name.utf8.count) && !name.utf8.contains(UInt8(ascii: ":"))
            && name.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
            && (try? CID(parsing: name)) == nil && generation(name) == nil
    }

    /// What a root's name has behind a prefix; nil where it does not begin with that. By its bytes: a branch
    /// may begin with a mark that makes one character of itself and what is before it.
    package static func name(of root: String, behind prefix: String) -> String? {
        guard root.utf8.starts(with: prefix.utf8) else { return nil }
        return String(decoding: root.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
    }

    func missing(_ what: String, _ name: String, _ root: String) throws(StoreError) -> StoreError {
        try store.rootHereOrBelow(root) == nil
            ? StoreError(.notFound, "there is no \(what) \(name)")
            : StoreError(.notFound, "the \(what) \(name) is a base's, and stays there")
    }

    static func exists(_ what: String) -> StoreError { StoreError(.exists, "\(what) exists") }

    func setRoot(_ root: String, to cid: CID, _ expected: RootExpectation, _ what: String)
        throws(StoreError)
    {
        do throws(StoreError) { try store.setRoot(root, to: cid, expecting: expected) } catch {
            throw error.code == .conflict ? Self.exists(what) : error
        }
    }

    func references(_ prefix: String) throws(StoreError) -> [Reference] {
        let own = try references(prefix, isOfBase: false, store.roots)
        let below = try references(prefix, isOfBase: true, store.rootsBelow)
        return (own + below).sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    private func references(
        _ prefix: String, isOfBase: Bool,
        _ roots: (String?, Int) throws(StoreError) -> [(name: String, cid: CID)]
    ) throws(StoreError) -> [Reference] {
        var found: [Reference] = []
        var start = prefix
        while true {
            let part = try roots(start, 256)
            for root in part {
                guard let name = Self.name(of: root.name, behind: prefix) else { return found }
                found.append(Reference(name: name, version: root.cid, isOfBase: isOfBase))
            }
            guard part.count == 256, let last = part.last else { return found }
            // No name has a control character, so the next one comes after this.
            start = last.name + "\u{1}"
        }
    }

    /// So many names are dropped in one transaction.
    static let namesAtOnce = 4096

    /// Drops holds, `namesAtOnce` of them in a transaction, and gives back the last ones, at most `count`,
    /// which are left.
    func release(_ holds: [Hold], leaving count: Int = 0, _ steps: StepCounter?) throws(StoreError)
        -> [Hold]
    {
        var rest = holds[...]
        while rest.count > count {
            let part = rest.prefix(min(Self.namesAtOnce, rest.count - count))
            try store.remove(roots: [], holds: Array(part))
            rest = rest.dropFirst(part.count)
            try steps?.step(part.count)
        }
        return Array(rest)
    }
}
