/// Where two files that differ from some place on meet again: the nearest leaf that both have.
///
/// What always holds: both files are looked through at once, by offset from the place, and `longest` items of
/// each are remembered at most. Leaves are looked at first, then, if that is not far enough, the nodes of one
/// level after the other, of which as many reach further. CIDs are compared, no leaf is read.
///
/// A place at the same distance in both is preferred to a nearer one that is not: what was overwritten is
/// then not taken for something removed here and inserted there. In a run of leaves of one repeated byte, a
/// hole, every offset is such a place.
struct DiffSearch {
    private let old: DiffSide
    private let new: DiffSide
    private let place: DiffPlace
    private let level: Int
    private var oldItems: Items
    private var newItems: Items
    private var best: (meeting: DiffPlace, distance: UInt64)?

    /// Items of one file that are looked at.
    static let longest = 4096

    private enum Outcome {
        case met(DiffPlace)
        /// There is none to the ends of both files.
        case ended
        /// There is none so near; the distance that was looked through.
        case full(UInt64)
    }

    /// Equal items of a level that follow each other.
    private struct Item {
        let size: UInt64
        let offset: UInt64
        let count: UInt64
    }

    private struct Items {
        let start: UInt64
        var position: UInt64
        var seen: [CID: Item] = [:]
        var count = 0
        var distance: UInt64 { position - start }

        init(from start: UInt64) {
            self.start = start
            position = start
        }
    }

    private init(_ old: DiffSide, _ new: DiffSide, _ place: DiffPlace, level: Int) {
        self.old = old
        self.new = new
        self.place = place
        self.level = level
        oldItems = Items(from: place.old)
        newItems = Items(from: place.new)
    }

    /// Where a stretch that differs from `place` on ends, in both.
    static func end(ofStretchAt place: DiffPlace, _ old: DiffSide, _ new: DiffSide)
        throws(StoreError) -> DiffPlace
    {
        let end = DiffPlace(old: old.size, new: new.size)
        guard place.old < old.size, place.new < new.size else { return end }
        var distance: UInt64 = 0
        for level in 0...min(old.height, new.height) {
            var search = DiffSearch(old, new, place, level: level)
            switch try search.run() {
            case .met(let meeting): return try search.walkBack(from: meeting)
            case .ended: if level == 0 { return end }
            case .full(let looked): if level == 0 { distance = looked }
            }
        }
        return DiffPlace(
            old: place.old + min(distance, end.old - place.old),
            new: place.new + min(distance, end.new - place.new))
    }

    private mutating func run() throws(StoreError) -> Outcome {
        while true {
            let oldGoesOn = oldItems.position < old.size && oldItems.count < Self.longest
            let newGoesOn = newItems.position < new.size && newItems.count < Self.longest
            let isOld = oldGoesOn && (!newGoesOn || oldItems.distance <= newItems.distance)
            let distance = isOld ? oldItems.distance : newItems.distance
            if let best, !(oldGoesOn || newGoesOn) || distance > 2 * best.distance {
                return .met(best.meeting)
            }
            guard oldGoesOn || newGoesOn else {
                let isAll = oldItems.position == old.size && newItems.position == new.size
                return isAll ? .ended : .full(min(oldItems.distance, newItems.distance))
            }
            guard let (cid, item) = try isOld ? next(old, &oldItems) : next(new, &newItems) else { continue }
            guard let other = isOld ? newItems.seen[cid] : oldItems.seen[cid], other.size == item.size else {
                continue
            }
            let meeting = isOld ? try meeting(item, other) : try meeting(other, item)
            let (left, right) = (meeting.old - place.old, meeting.new - place.new)
            if left == right { return .met(meeting) }
            if best == nil { best = (meeting, max(left, right)) }
        }
    }

    /// Takes the next item of a file; nil when none begins in the run at the position.
    private func next(_ side: DiffSide, _ items: inout Items) throws(StoreError) -> (CID, Item)? {
        let (run, start) = try side.run(level, around: items.position)
        let first = (items.position - start + run.size - 1) / run.size
        let item = Item(size: run.size, offset: start + first * run.size, count: run.count - first)
        items.position = start + run.size * run.count
        items.count += 1
        guard item.count > 0 else { return nil }
        items.seen[run.cid] = item
        return (run.cid, item)
    }

    /// Which of the equal items of two runs are taken for each other: at the same distance if possible.
    private func meeting(_ left: Item, _ right: Item) throws(StoreError) -> DiffPlace {
        let (leftDistance, rightDistance) = (left.offset - place.old, right.offset - place.new)
        if leftDistance <= rightDistance {
            let shift = try shift(of: left, old, by: rightDistance - leftDistance)
            return DiffPlace(old: left.offset + shift, new: right.offset)
        }
        let shift = try shift(of: right, new, by: leftDistance - rightDistance)
        return DiffPlace(old: left.offset, new: right.offset + shift)
    }

    /// How far into a run, `wanted` bytes if that is a place to meet at, less otherwise.
    private func shift(of item: Item, _ side: DiffSide, by wanted: UInt64) throws(StoreError) -> UInt64 {
        guard wanted < item.size * item.count else { return item.size * (item.count - 1) }
        if level == 0, wanted % item.size != 0 {
            let run = try side.reader.leafRun(at: item.offset)
            if try side.repeatedByte(of: run) != nil { return wanted }
        }
        return wanted / item.size * item.size
    }

    /// Where what is equal before a meeting of nodes begins.
    private func walkBack(from meeting: DiffPlace) throws(StoreError) -> DiffPlace {
        var meeting = meeting
        for below in (0..<level).reversed() {
            while meeting.old > place.old, meeting.new > place.new {
                let (left, leftStart) = try old.run(below, around: meeting.old - 1)
                let (right, rightStart) = try new.run(below, around: meeting.new - 1)
                guard left.cid == right.cid, left.size == right.size else { break }
                let most = min(
                    min(meeting.old - leftStart, meeting.old - place.old),
                    min(meeting.new - rightStart, meeting.new - place.new))
                let length = most / left.size * left.size
                guard length > 0 else { break }
                meeting = DiffPlace(old: meeting.old - length, new: meeting.new - length)
            }
        }
        return meeting
    }
}
