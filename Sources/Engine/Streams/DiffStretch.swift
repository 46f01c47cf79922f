/// A stretch of two files that have no leaf in common there, compared byte by byte.
///
/// What always holds: the changes it gives, in order, lie inside it, and all bytes beside them are equal. Of
/// stretches of one length they are exact. Two runs of leaves of one repeated byte are compared at once.
final class DiffStretch {
    private let old: DiffSide
    private let new: DiffSide
    private let start: DiffPlace
    private let oldLength: UInt64
    private let newLength: UInt64
    /// How far both were compared, in bytes from the start, and since when they differ.
    private var position: UInt64 = 0
    private var differsFrom: UInt64?
    private var isOver = false

    /// Bytes that are compared from the end backwards at most.
    private static let longestSuffix: UInt64 = 64 << 20
    /// Bytes between two calls of a progress callback, about.
    private static let progressLength: UInt64 = 1 << 20

    init(_ old: DiffSide, _ new: DiffSide, from start: DiffPlace, to end: DiffPlace) {
        self.old = old
        self.new = new
        self.start = start
        oldLength = end.old - start.old
        newLength = end.new - start.new
    }

    /// The next change; nil after the last. After an error of `progress` it goes on where it was.
    func next(_ progress: ((UInt64) throws(StoreError) -> Void)?) throws(StoreError) -> FileChange? {
        let common = min(oldLength, newLength)
        while position < common {
            let (count, isEqual) = try step(limit: common - position)
            if !isEqual, oldLength != newLength { break }
            let before = position
            position += count
            if isEqual, let from = differsFrom {
                differsFrom = nil
                return change(from, before, before)
            }
            if !isEqual, differsFrom == nil { differsFrom = before }
            if let progress, before / Self.progressLength != position / Self.progressLength {
                try progress(start.new + position)
            }
        }
        if oldLength == newLength {
            guard let from = differsFrom else { return nil }
            differsFrom = nil
            return change(from, position, position)
        }
        guard !isOver else { return nil }
        let suffix = try suffix(of: common - position)
        isOver = true
        return change(position, oldLength - suffix, newLength - suffix)
    }

    private func change(_ from: UInt64, _ oldEnd: UInt64, _ newEnd: UInt64) -> FileChange {
        FileChange(
            old: start.old + from..<start.old + oldEnd, new: start.new + from..<start.new + newEnd)
    }

    /// How many bytes at the position, at most `limit`, are all equal or all different, as far as one look
    /// tells.
    private func step(limit: UInt64) throws(StoreError) -> (count: UInt64, isEqual: Bool) {
        let (leftOffset, rightOffset) = (start.old + position, start.new + position)
        let leftRun = try old.reader.leafRun(at: leftOffset)
        let rightRun = try new.reader.leafRun(at: rightOffset)
        if leftRun.count > 1, rightRun.count > 1, let leftByte = try old.repeatedByte(of: leftRun),
            let rightByte = try new.repeatedByte(of: rightRun)
        {
            let count = min(limit, leftRun.end - leftOffset, rightRun.end - rightOffset)
            return (count, leftByte == rightByte)
        }
        let left = try old.reader.rest(at: leftOffset)
        let right = try new.reader.rest(at: rightOffset)
        let most = Int(min(UInt64(min(left.count, right.count)), limit))
        let equal = left.commonPrefix(right, most)
        if equal > 0 { return (UInt64(equal), true) }
        var count = 1
        while count < most, left[count] != right[count] { count += 1 }
        return (UInt64(count), false)
    }

    /// How many bytes both end with alike, at most `limit`.
    private func suffix(of limit: UInt64) throws(StoreError) -> UInt64 {
        let limit = min(limit, Self.longestSuffix)
        var count: UInt64 = 0
        while count < limit {
            let left = try Self.bytes(of: old, before: start.old + oldLength - count)
            let right = try Self.bytes(of: new, before: start.new + newLength - count)
            let most = Int(min(UInt64(min(left.count, right.count)), limit - count))
            var equal = 0
            while equal < most, left[left.count - 1 - equal] == right[right.count - 1 - equal] { equal += 1 }
            count += UInt64(equal)
            if equal < most { break }
        }
        return count
    }

    /// The bytes before an offset, from the beginning of their leaf on.
    private static func bytes(of side: DiffSide, before end: UInt64) throws(StoreError)
        -> UnsafeRawBufferPointer
    {
        let run = try side.reader.leafRun(at: end - 1)
        let leafStart = end - 1 - (end - 1 - run.offset) % run.size
        return UnsafeRawBufferPointer(rebasing: try side.reader.rest(at: leafStart)[..<Int(end - leafStart)])
    }
}

extension UnsafeRawBufferPointer {
    /// How many of the first `count` bytes, which both have, come before the first that differs.
    fileprivate func commonPrefix(_ other: UnsafeRawBufferPointer, _ count: Int) -> Int {
        var done = 0
        while done + 8 <= count {
            let difference =
                loadUnaligned(fromByteOffset: done, as: UInt64.self)
                ^ other.loadUnaligned(fromByteOffset: done, as: UInt64.self)
            if difference != 0 { return done + difference.littleEndian.trailingZeroBitCount / 8 }
            done += 8
        }
        while done < count, self[done] == other[done] { done += 1 }
        return done
    }
}
