import Glibc

enum Threads {
    /// Starts a thread that nobody waits for.
    static func detach(_ body: @escaping @Sendable () -> Void) throws { _ = try start(body) }

    /// Starts a thread to be joined.
    static func start(_ body: @escaping @Sendable () -> Void) throws -> pthread_t {
        final class Start {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        var thread = pthread_t()
        let start = Unmanaged.passRetained(Start(body))
        let code = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body() }
                return nil
            }, start.toOpaque())
        guard code == 0 else { throw Violation("no thread") }
        return thread
    }

    static func join(_ thread: pthread_t) { pthread_join(thread, nil) }
}
