import Glibc
import IpldEngine

/// Files with several names: the first name of each also stands in a directory of its own in a stage, for as
/// long as it takes, so that the others are made from there and no path has to be resolved again.
struct ExportLinks {
    /// Where that directory is made; nil where there is no stage.
    private let stage: HostDirectory?
    private var directory: (name: [UInt8], open: HostDirectory)?
    private var numbers: [HardLinkGroup: Int] = [:]
    private var next = 0
    private var refusals: [HardLinkGroup: HostError] = [:]

    init(in stage: HostDirectory?) { self.stage = stage }

    /// Why a file can have no other names.
    func refusal(_ group: HardLinkGroup) -> HostError? { refusals[group] }

    func first(_ group: HardLinkGroup) -> (directory: Int32, name: [UInt8])? {
        guard let directory, let number = numbers[group] else { return nil }
        return (directory.open.descriptor, Array(String(number).utf8))
    }

    /// Where the host allows no second name, each name becomes a file of its own; why, is kept. Throws what
    /// is wrong with the host and not with one file.
    mutating func keep(
        _ group: HardLinkGroup, _ name: FileName, _ from: HostDirectory
    ) throws(HostError) {
        do throws(HostError) {
            if directory == nil {
                guard let stage else { throw HostError("link", EACCES) }
                let name = ExportStage.temporaryName()
                try Host.makeDirectory(stage.descriptor, name, mode: 0o700)
                directory = (name, try stage.open(name, expecting: nil, need: HostDirectory.changing))
            }
            guard let directory else { return }
            try Host.link(
                from.descriptor, name.bytes, directory.open.descriptor, Array(String(next).utf8))
            numbers[group] = next
            refusals[group] = nil
            next += 1
        } catch {
            if error.isGeneral { throw error }
            refusals[group] = error
        }
    }

    func remove() throws(StoreError) {
        guard let directory, let stage else { return }
        _ = try HostTree.remove(stage, directory.name) { (path, error) throws(StoreError) in
            throw error.storeError(path.description)
        }
    }
}
