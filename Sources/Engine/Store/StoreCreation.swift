/// Making a store: beside its place, and renamed into it, so that it is whole or not there.
import Glibc

enum StoreCreation {
    /// Makes a store. EXISTS, and nothing changes, when there is one or the directory holds anything.
    static func create(
        _ path: String, _ configuration: StoreConfiguration, over basePaths: [String] = []
    ) throws(StoreError) {
        _ = try ForkGuard()
        if let status = try? System.status(ofPath: path) {
            if (try? System.status(ofPath: path + "/journal")) != nil {
                throw StoreError(.exists, "there is a store at \(path) already")
            }
            guard status.isDirectory, try System.list(path).isEmpty else {
                throw StoreError(.exists, "\(path) exists and is not an empty directory")
            }
        }
        let bases = try Base.open(basePaths, readOnly: false)
        defer { for base in bases { base.core.release() } }
        let trimmed = path.hasSuffix("/") && path.count > 1 ? String(path.dropLast()) : path
        let suffix = String(try System.random(8).withBytes { $0.integer(at: 0, as: UInt64.self) }, radix: 36)
        let temporary = trimmed + ".new-" + suffix
        do { try System.makeDirectory(temporary) } catch  where error.code == .notFound {
            throw StoreError(
                .notFound, "there is no directory \(Journal.directory(of: trimmed)) to make a store in",
                systemError: error.systemError)
        }
        var fork: StoreIdentity?
        do {
            var recorded = RecordedConfiguration(identity: try .random(), configuration: configuration)
            recorded.bases = bases.map(\.recorded)
            if !bases.isEmpty {
                recorded.fork = try .random()
                fork = recorded.fork
            }
            try fill(temporary, recorded)
            if let fork {
                for (number, base) in bases.enumerated() {
                    let file = temporary + "/" + ForkFile.name(forBase: number)
                    try ForkFile.create(file, fork, recorded)
                    try base.register(fork, file, at: path)
                }
            }
            try flush(temporary, forkFiles: bases.indices.map(ForkFile.name))
            try System.rename(temporary, trimmed)
        } catch {
            if let fork { for base in bases { base.unregister(fork) } }
            removeTree(temporary)
            if error.code == .exists { throw StoreError(.exists, "there is a store at \(path) already") }
            throw error
        }
        try System.flushDirectory(Journal.directory(of: trimmed))
    }

    private static func fill(_ path: String, _ recorded: RecordedConfiguration) throws(StoreError) {
        let text = try recorded.checkedText()
        switch recorded.configuration.payloads {
        case .packs: try System.makeDirectory(path + "/packs")
        case .files: try BlockFiles.make(in: path)
        }
        try System.makeDirectory(path + "/index")
        var state = IndexState()
        state.epoch = 1
        state.journalGeneration = 1
        state.journalLength = try Journal.create(
            path + "/journal", [.configuration(text)], store: recorded.identity, epoch: 1, generation: 1,
            flushing: false)
        state.leaseTable = try LeaseTable.create(path + "/leases", flushing: false)
        let index = try IndexEnvironment(
            path: path + "/index", create: true, readOnly: false, isLayer: recorded.fork != nil,
            isDraft: true)
        defer { index.close() }
        // Twice, so that an index which loses its last commit is whole all the same.
        for _ in 0..<2 {
            try index.write { (snapshot) throws(StoreError) in
                try snapshot.setState(state)
                try snapshot.setConfigurationText(text)
            }
        }
    }

    /// Makes all files durable at once: what they need is on its way to the disk before the first is waited
    /// for, so that most of the waiting is done once.
    private static func flush(_ path: String, forkFiles: [String]) throws(StoreError) {
        var descriptors: [Int32] = []
        defer { for descriptor in descriptors { System.close(descriptor) } }
        for name in ["index/data.mdb", "journal", "leases"] + forkFiles {
            descriptors.append(try System.open(path + "/" + name, O_RDWR))
        }
        for descriptor in descriptors { System.startWriteback(descriptor, at: 0, length: 0) }
        for descriptor in descriptors { try System.flush(descriptor) }
        try System.flushDirectory(path + "/index")
        try System.flushDirectory(path)
    }

    static func removeTree(_ path: String) {
        guard (try? System.status(ofPath: path))?.isDirectory == true else {
            try? System.remove(path)
            return
        }
        for name in (try? System.list(path)) ?? [] { removeTree(path + "/" + name) }
        try? System.removeDirectory(path)
    }
}
