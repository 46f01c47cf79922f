import IpldEngine

/// Other ways to name a version than by its CID or a branch.
extension FileSystem {
    /// What `NAME~N` names: the Nth version before what NAME does, along the first of the versions that each
    /// was made from; `NAME~` is `NAME~1`. Nil for other text. NOT_FOUND where the history does not go back
    /// so far.
    func ancestor(_ reference: String) throws(StoreError) -> CID? {
        guard let (name, count) = Self.generation(reference) else { return nil }
        // What the name is at stays, whoever prunes meanwhile.
        let source = try TreeSource(store)
        var cid = try resolve(name)
        for step in 0..<count {
            let previous = try version(cid).previous.first
            // One that was pruned is about to go, although it can be read still.
            guard let previous, try isKept(previous), try source.version(previous) != nil else {
                let versions = step == 1 ? "1 version" : "\(step) versions"
                throw StoreError(.notFound, "the history of \(name) goes back \(versions), not \(count)")
            }
            cid = previous
        }
        return cid
    }

    /// Whether anything keeps what a CID names: a root, a hold, or what links to it.
    package func isKept(_ cid: CID) throws(StoreError) -> Bool {
        do throws(StoreError) { return try store.inspect(cid).references > 0 } catch {
            guard error.code == .notFound else { throw error }
            return false
        }
    }

    /// `NAME~N` in its parts.
    static func generation(_ reference: String) -> (name: String, count: Int)? {
        guard let mark = reference.lastIndex(of: "~"), mark > reference.startIndex else { return nil }
        let digits = reference[reference.index(after: mark)...]
        guard digits.allSatisfy({ ("0"..."9").contains($0) }), let count = digits.isEmpty ? 1 : Int(digits)
        else { return nil }
        return (String(reference[..<mark]), count)
    }

    /// Characters of a CID's text that name it, without the letter of its base.
    private static let shortest = 8

    /// The only root, hold or version of a branch whose CID, in base32, begins so. Nil where none does, and
    /// for text that is too short or no part of a CID; INVALID where several do.
    public func abbreviated(_ text: String) throws(StoreError) -> CID? {
        guard text.utf8.first == UInt8(ascii: "b"), text.utf8.count > Self.shortest,
            text.utf8.allSatisfy({ (0x61...0x7A).contains($0) || (0x32...0x37).contains($0) })
        else { return nil }
        var found: [CID] = []
        func look(_ cid: CID) {
            if cid.description.hasPrefix(text), !found.contains(cid) { found.append(cid) }
        }
        for root in try store.roots() { look(root.cid) }
        // The versions of a branch are held by it.
        for hold in try store.holds() { look(hold.cid) }
        guard found.count < 2 else {
            throw StoreError(.invalid, "\(text) can be \(found[0]) or \(found[1]): give more of it")
        }
        return found.first
    }
}
