/// Where C calls come in: every function runs its body through `call`, which turns a thrown error into a
/// status and fills the caller's `ips_error`.
///
/// What always holds: an error of the engine becomes a status by one table; nothing else decides one,
/// except a callback's own positive value.
import CIpldStore
import IpldEngine

extension StoreError.Code {
    /// The one table. The raw values of the engine's codes are pinned to the same numbers.
    var status: ips_status {
        switch self {
        case .notFound: ips_status(IPS_NOT_FOUND)
        case .corrupt: ips_status(IPS_CORRUPT)
        case .invalid: ips_status(IPS_INVALID)
        case .exists: ips_status(IPS_EXISTS)
        case .conflict: ips_status(IPS_CONFLICT)
        case .busy: ips_status(IPS_BUSY)
        case .full: ips_status(IPS_FULL)
        case .tooLarge: ips_status(IPS_TOO_LARGE)
        case .bufferTooSmall: ips_status(IPS_BUFFER_TOO_SMALL)
        case .readOnly: ips_status(IPS_READ_ONLY)
        case .permission: ips_status(IPS_PERMISSION)
        case .notAStore: ips_status(IPS_NOT_A_STORE)
        case .unsupported: ips_status(IPS_UNSUPPORTED)
        case .io: ips_status(IPS_IO)
        case .cancelled: ips_status(IPS_CANCELLED)
        case .callback: ips_status(IPS_CALLBACK)
        case .forked: ips_status(IPS_FORKED)
        case .internal: ips_status(IPS_INTERNAL)
        }
    }
}

let ok = ips_status(IPS_OK)

public typealias ErrorPointer = UnsafeMutablePointer<ips_error>

/// Runs the body of a C function; IPS_OK unless it throws.
func call(_ error: ErrorPointer?, _ body: () throws(StoreError) -> Void) -> ips_status {
    do throws(StoreError) {
        try body()
        return ok
    } catch let failure {
        return fail(failure, failure.code.status, error)
    }
}

/// As `call`, for a body that runs callbacks, whose own status wins.
func callWithCallbacks(
    _ error: ErrorPointer?, _ body: (CallbackOutcome) throws(StoreError) -> Void
) -> ips_status {
    let outcome = CallbackOutcome()
    do throws(StoreError) {
        try body(outcome)
        return ok
    } catch let failure {
        let isTheirs = failure.code == .callback && outcome.status > 0
        return fail(failure, isTheirs ? outcome.status : failure.code.status, error)
    }
}

/// As `call`, for a body that answers false at the end of a sequence.
func callForNext(_ error: ErrorPointer?, _ body: () throws(StoreError) -> Bool) -> ips_status {
    callForNext(error) { (_: CallbackOutcome) throws(StoreError) in try body() }
}

/// As `callForNext`, for a body that runs callbacks.
func callForNext(_ error: ErrorPointer?, _ body: (CallbackOutcome) throws(StoreError) -> Bool)
    -> ips_status
{
    var isThere = false
    let status = callWithCallbacks(error) { (outcome) throws(StoreError) in isThere = try body(outcome) }
    return status == ok && !isThere ? ips_status(IPS_END) : status
}

private func fail(_ failure: StoreError, _ status: ips_status, _ error: ErrorPointer?) -> ips_status {
    guard let error, isAligned(error) else { return status }
    error.pointee.code = status
    error.pointee.os_errno = failure.systemError
    withUnsafeMutableBytes(of: &error.pointee.message) { room in writeText(failure.message, to: room) }
    return status
}

/// Writes text and its NUL, cut short between characters where it does not fit.
func writeText(_ text: String, to room: UnsafeMutableRawBufferPointer) {
    guard room.count > 0 else { return }
    var length = 0
    for scalar in text.unicodeScalars {
        let bytes = UTF8.encode(scalar).map { Array($0) } ?? []
        // A NUL inside would end the text early for its reader.
        guard length + bytes.count < room.count, scalar != "\0" else { break }
        for byte in bytes {
            room[length] = byte
            length += 1
        }
    }
    for position in length..<room.count { room[position] = 0 }
}

// MARK: - Callbacks

/// What the last callback of a call said.
final class CallbackOutcome {
    private(set) var status: ips_status = 0

    /// Takes over what the callback of another outcome said.
    func take(_ other: CallbackOutcome) { status = other.status }

    /// Throws when a callback answered anything but 0.
    func check(_ answer: ips_status, _ what: String) throws(StoreError) {
        guard answer != 0 else { return }
        status = answer
        throw StoreError(.callback, "the \(what) callback stopped the call with \(answer)")
    }

    /// As `check`, for the one kind of callback that may ask to stop.
    func checkProgress(_ answer: ips_status) throws(StoreError) {
        guard answer != ips_status(IPS_CANCELLED) else {
            throw StoreError(.cancelled, "the progress callback asked to stop")
        }
        try check(answer, "progress")
    }
}

/// The engine's form of a progress callback; nil for none.
func progressClosure(
    _ progress: ips_progress?, _ context: UnsafeMutableRawPointer?, _ outcome: CallbackOutcome
) -> ((UInt64) throws(StoreError) -> Void)? {
    guard let progress else { return nil }
    return { (done) throws(StoreError) in try outcome.checkProgress(progress(context, done)) }
}
