/// The directory of a store that is in use.
///
/// What always holds:
/// - The store's files are reached through the open directory, not through its name: a store that is renamed
///   while it is open stays what it was, and one that is put in its place is left alone. (Where /proc is not
///   mounted, the name has to do.)
/// - Whoever has the store open holds the directory together with others; a repair holds it alone. That does
///   not depend on any file in it.
import CSystem
import Glibc

struct StoreDirectory {
    let identity: FileIdentity
    /// To put names of files after.
    let path: String
    private let lock: LockingDescriptor

    /// NOT_FOUND when there is nothing of that name, NOT_A_STORE when it is no directory; BUSY when a repair
    /// has it, or when `alone` and anybody has.
    init(_ name: String, alone: Bool) throws(StoreError) {
        _ = try ForkGuard()
        do { _ = try System.status(ofPath: name + "/.") } catch  where error.code == .notFound {
            guard error.systemError != ENOTDIR else {
                throw StoreError(.notAStore, "\(name) is no directory, so no store", systemError: ENOTDIR)
            }
            throw StoreError(.notFound, "there is no store at \(name)", systemError: error.systemError)
        }
        let descriptor = try System.open(name + "/.", O_RDONLY | O_DIRECTORY, regular: false)
        lock = try LockingDescriptor(adopting: descriptor)
        do throws(StoreError) {
            guard ipsys_lock_directory(descriptor, alone) == 0 else {
                guard errno == EWOULDBLOCK else { throw System.error(errno, "lock \(name)") }
                throw StoreError(
                    .busy, alone ? "the store is open: close it first" : "the store is being repaired")
            }
            identity = try System.status(descriptor).identity
            let anchored = System.descriptorPrefix + String(descriptor)
            let isAnchored = (try? System.status(ofPath: anchored + "/."))?.identity == identity
            path = isAnchored ? anchored : name
        } catch {
            lock.close()
            throw error
        }
    }

    func close() { lock.close() }
}
