import IpldEngine

extension StoreError {
    /// Whether something that was stored is damaged, or is not here.
    package var isLoss: Bool { code == .corrupt || code == .notFound }

    /// As it is; where something is lost, with what it was a part of in front: who asked for a path knows no
    /// blocks.
    package func of(_ what: String) -> StoreError {
        isLoss ? StoreError(code, "\(what): \(message)", systemError: systemError) : self
    }
}
