import Glibc

/// What a disk may be found to be after a power loss.
extension Disk {
    /// A file's bytes.
    func content(of node: Node, _ wanted: Choice) -> [UInt8] {
        guard !node.calls.isEmpty else { return node.bytes }
        var choice = wanted
        let calls = node.calls
        let longest = calls.reduce(node.bytes.count) { max($0, $1.length, $1.range.upperBound) }
        let reached = choice.calls(calls.count)
        var seen = choice.lengthCalls(calls.count)
        if let durable = calls.lastIndex(where: \.isDurable) { seen = max(seen, durable + 1) }
        // For each sector the last call that it has seen.
        var last = [Int](repeating: -1, count: (longest + Self.sectorBytes - 1) / Self.sectorBytes)
        for (number, call) in calls.enumerated() where !call.range.isEmpty {
            var isCut = false
            if case .truncate = call.effect { isCut = number < seen }
            guard call.isDurable || isCut || reached[number] else { continue }
            var sector = call.range.lowerBound / Self.sectorBytes
            let end = (call.range.upperBound + Self.sectorBytes - 1) / Self.sectorBytes
            while sector < end {
                let unit = choice.tornSectors ?? (end - sector)
                let next = min(end, (sector / unit + 1) * unit)
                if choice.tornSectors == nil || call.isDurable || isCut || choice.coin() {
                    for touched in sector..<max(next, sector + 1) { last[touched] = number }
                }
                sector = max(next, sector + 1)
            }
        }
        var bytes = node.bytes
        bytes.reserveCapacity(longest)
        if bytes.count < longest { bytes += [UInt8](repeating: 0, count: longest - bytes.count) }
        for (number, call) in calls.enumerated() { apply(call, number, last, &bytes) }
        let length = seen == 0 ? node.bytes.count : calls[seen - 1].length
        if bytes.count > length { bytes.removeLast(bytes.count - length) }
        return bytes
    }

    private func apply(_ call: FileCall, _ number: Int, _ last: [Int], _ bytes: inout [UInt8]) {
        var start = call.range.lowerBound
        while start < call.range.upperBound {
            let sector = start / Self.sectorBytes
            let end = min(call.range.upperBound, (sector + 1) * Self.sectorBytes)
            if last[sector] >= number {
                switch call.effect {
                case .write(let offset, let written):
                    let from = written.lowerBound + start - offset
                    bytes.replaceSubrange(start..<end, with: log.bytes[from..<(from + end - start)])
                case .zero, .truncate:
                    for position in start..<end { bytes[position] = 0 }
                }
            }
            start = end
        }
    }

    /// All names, under a choice of the calls that are not durable.
    private func names(_ wanted: Choice) -> [UInt64: [String: UInt64]] {
        var choice = wanted
        var found: [UInt64: [String: UInt64]] = [:]
        for (number, node) in nodes where node.isDirectory { found[number] = node.names }
        // For each name the last call that it has seen.
        var last: [FlightLog.Name: Int] = [:]
        let reached = choice.names(nameCalls.count)
        for (number, call) in nameCalls.enumerated() where call.isDurable || reached[number] {
            for (name, _) in call.changes { last[name] = number }
        }
        // A call that one of its names has seen, the others have seen.
        var isClosed = false
        while !isClosed {
            isClosed = true
            for (number, call) in nameCalls.enumerated()
            where call.changes.contains(where: { last[$0.name, default: -1] >= number }) {
                for (name, _) in call.changes where last[name, default: -1] < number {
                    last[name] = number
                    isClosed = false
                }
            }
        }
        for (number, call) in nameCalls.enumerated() {
            for (name, file) in call.changes where last[name, default: -1] >= number {
                found[name.directory]?[name.name] = file
            }
        }
        return found
    }

    /// A tree of directories and files.
    struct Image {
        struct File {
            let path: String
            let number: UInt64
            /// Nil: one more name of a file that was there before.
            let bytes: [UInt8]?
        }
        fileprivate(set) var directories: [String] = []
        fileprivate(set) var files: [File] = []
        /// Of everything in it.
        fileprivate(set) var digest: UInt64 = 0
    }

    /// What is found after a power loss now.
    func image(_ choice: Choice) -> Image {
        let names = names(choice.forFile(0))
        var image = Image()
        var seen: Set<UInt64> = []
        var digest = Digest()
        func add(_ directory: UInt64, _ path: String) {
            for (name, number) in (names[directory] ?? [:]).sorted(by: { $0.key < $1.key }) {
                guard let node = nodes[number] else { continue }
                let place = path + "/" + name
                digest.add(Array(place.utf8))
                if node.isDirectory {
                    // One that was moved is in one place only.
                    guard seen.insert(number).inserted else { continue }
                    image.directories.append(place)
                    add(number, place)
                } else if seen.insert(number).inserted {
                    // Files are numbered by the names that they have got, not by their inodes.
                    let bytes = content(of: node, choice.forFile(1 + image.files.count))
                    digest.add(bytes)
                    image.files.append(.init(path: place, number: number, bytes: bytes))
                } else {
                    digest.add([1])
                    image.files.append(.init(path: place, number: number, bytes: nil))
                }
            }
        }
        add(root, "")
        image.digest = digest.value
        return image
    }
}

extension Disk.Image {
    /// Makes it under `path`, in place of what is there. A file that says its own inode number gets its new
    /// one: it is the same file.
    func write(to path: String) throws {
        Files.removeTree(path)
        guard mkdir(path, 0o777) == 0 else { throw Violation("cannot make \(path)") }
        for directory in directories {
            guard mkdir(path + directory, 0o777) == 0 else { throw Violation("cannot make \(directory)") }
        }
        var first: [UInt64: String] = [:]
        for file in files {
            let place = path + file.path
            guard let bytes = file.bytes else {
                guard let other = first[file.number], link(other, place) == 0 else {
                    throw Violation("cannot link \(place)")
                }
                continue
            }
            first[file.number] = place
            let descriptor = open(place, O_RDWR | O_CREAT | O_EXCL, 0o666)
            guard descriptor >= 0 else { throw Violation("cannot make \(place)") }
            defer { close(descriptor) }
            let renumbered = try Self.renumber(bytes, of: file, descriptor)
            guard Glibc.write(descriptor, renumbered, renumbered.count) == renumbered.count else {
                throw Violation("cannot write \(place)")
            }
        }
    }

    /// Lease tables and the files by which bases know their layers (docs/FORMAT.md).
    private static func renumber(_ bytes: [UInt8], of file: File, _ descriptor: Int32) throws -> [UInt8] {
        let name = file.path.split(separator: "/").last ?? ""
        guard name.hasPrefix("leases") || bytes.count < 100 && bytes.starts(with: Array("fork ".utf8)) else {
            return bytes
        }
        var information = stat()
        guard fstat(descriptor, &information) == 0 else { throw Violation("cannot look at \(file.path)") }
        if name.hasPrefix("leases") {
            guard bytes.count >= 24 else { return bytes }
            var copy = bytes
            copy.withUnsafeMutableBytes { buffer in
                if buffer.loadUnaligned(fromByteOffset: 16, as: UInt64.self) == file.number {
                    buffer.storeBytes(of: UInt64(information.st_ino), toByteOffset: 16, as: UInt64.self)
                }
            }
            return copy
        }
        let words = String(decoding: bytes, as: UTF8.self).split(separator: " ")
        guard words.count == 3, words[2] == "\(file.number)\n" else { return bytes }
        return Array("\(words[0]) \(words[1]) \(information.st_ino)\n".utf8)
    }

    /// How it differs from what lies under `path`; nil when it does not. What is written through a map is
    /// not compared.
    func difference(from path: String) throws -> String? {
        let there = try Disk.Contents(scanning: path)
        guard there.nodes.count == 1 + directories.count + files.count(where: { $0.bytes != nil }) else {
            return "\(there.nodes.count) files and directories are there, "
                + "\(directories.count + files.count) known"
        }
        for directory in directories where !Files.isDirectory(path + directory) {
            return "\(directory) is no directory"
        }
        for file in files {
            guard Files.exists(path + file.path) else { return "\(file.path) is not there" }
            guard let bytes = file.bytes, !file.path.hasSuffix("/lock.mdb") else { continue }
            let found = try Files.read(path + file.path)
            guard found == bytes else {
                let place = zip(found, bytes).enumerated().first { $0.element.0 != $0.element.1 }?.offset
                return "\(file.path) has \(found.count) bytes, \(bytes.count) known, and differs at "
                    + "\(place.map { "\($0)" } ?? "its end")"
            }
        }
        return nil
    }
}

/// Tells images apart; 64 bits are enough to count them.
private struct Digest {
    private(set) var value: UInt64 = 0x9E37_79B9_7F4A_7C15

    mutating func add(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { buffer in
            var offset = 0
            mix(UInt64(buffer.count))
            while offset + 8 <= buffer.count {
                mix(buffer.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                offset += 8
            }
            while offset < buffer.count {
                mix(UInt64(buffer[offset]))
                offset += 1
            }
        }
    }

    private mutating func mix(_ word: UInt64) {
        value = (value ^ word) &* 0xFF51_AFD7_ED55_8CCD
        value ^= value >> 32
    }
}
