import Glibc
import IpldEngine

/// Damage to stores that keep each block in a file of its own.
extension DamageCampaign {
    /// What can become of a file.
    private enum Fate: Int, CaseIterable {
        case byte, removed, cut, emptied, longer, swapped, linked, directory
    }

    /// Every file in each way, and so many points in all.
    func damageFiles(points: Int) throws {
        let opened = try ContentStore.open(at: store.path, readOnly: true)
        var files = Self.files(store.path + "/blocks")
        files.sort { $0 < $1 }
        var random = Random(seed: seed)
        let all = max(points, files.count * Fate.allCases.count)
        // Few enough that all that is said of one point can be checked.
        for index in 0..<min(all, points) where goesOn {
            let file = files[index % files.count]
            let fate = Fate.allCases[(index / files.count + Int(seed)) % Fate.allCases.count]
            let (offset, other) = (random.below(1 << 20), files[random.below(files.count)])
            let name = file.split(separator: "/").last.map(String.init) ?? file
            let label = "\(name):\(fate):\(index)"
            if let only, only != label { continue }
            tally.point("\(replay) --only \(label)") {
                let whole = try Files.read(file)
                let otherWhole = try Files.read(other)
                guard try spoil(file, whole, fate, offset, other, otherWhole) else {
                    return tally.count("unchanged")
                }
                defer {
                    Files.removeTree(file)
                    do {
                        try Files.write(file, whole)
                        if fate == .swapped { try Files.write(other, otherWhole) }
                    } catch { say("cannot undo: \(error)") }
                }
                do { try filePoint(opened, index, try CID(parsing: name)) } catch {
                    throw Violation("\(label): \(error)")
                }
            }
        }
    }

    private static func files(_ path: String) -> [String] {
        guard Files.isDirectory(path) else { return [path] }
        return Files.names(path).flatMap { files(path + "/" + $0) }
    }

    /// False when the bytes are what they were.
    private func spoil(
        _ file: String, _ whole: [UInt8], _ fate: Fate, _ offset: Int, _ other: String, _ otherWhole: [UInt8]
    ) throws -> Bool {
        var bytes = whole
        switch fate {
        case .byte:
            guard !bytes.isEmpty else { return false }
            bytes[offset % bytes.count] ^= UInt8(1 << (offset % 8))
        case .removed: return unlink(file) == 0
        case .cut:
            guard !bytes.isEmpty else { return false }
            bytes.removeLast(1 + offset % bytes.count)
        case .emptied:
            guard !bytes.isEmpty else { return false }
            bytes = []
        case .longer: bytes.append(UInt8(offset % 256))
        case .swapped:
            guard whole != otherWhole else { return false }
            try Files.write(other, whole)
            bytes = otherWhole
        case .linked:
            // Followed by nobody, even to the right bytes.
            unlink(file)
            return symlink(other, file) == 0
        case .directory:
            unlink(file)
            return mkdir(file, 0o777) == 0
        }
        try Files.write(file, bytes)
        return true
    }

    private func filePoint(_ opened: ContentStore, _ index: Int, _ cid: CID) throws {
        let outcome = try store.readAll(opened)
        guard outcome.absent == 0 else { throw Violation("damage was reported as absence") }
        guard outcome.damaged.contains(cid), outcome.damaged.count <= 2 else {
            throw Violation("\(outcome.damaged.count) blocks are damaged")
        }
        tally.count("damaging")
        if index % 10 == 0 {
            tally.count("verified")
            guard try DamagedStore.isFound(opened) else { throw Violation("verify does not find it") }
        }
        switch index % 60 {
        case 0: try repair(without: outcome.damaged, losing: nil)
        case 20: try repair(without: outcome.damaged, losing: "index")
        case 40: try repair(without: outcome.damaged, losing: "journal")
        default: break
        }
    }
}
