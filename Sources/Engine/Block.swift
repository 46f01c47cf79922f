/// What holds of every block, whatever its codec.
public enum Block {
    /// The largest block in bytes: 1 MiB.
    public static let maximumLength = 1 << 20
}
