/// What the walk met, in its order.
struct ImportEvent {
    enum Kind {
        case enter
        case leave
        /// A file that is as it was.
        case known
        case parcel(ImportParcel, Int)
        case large(HostEntry)
        /// Another name of a file that came before.
        case laterName
        /// A symbolic link, FIFO, socket or device.
        case other
        case refused
        case nameless([UInt8])
        /// The tree before has the name, and the host has not.
        case gone
    }

    var kind: Kind
    var name: FileName?
    var status: HostStatus?
    /// What the tree before has of the name.
    var old: Entry?
    var attributes: [(name: [UInt8], value: [UInt8])] = []
    var target: [UInt8] = []
    var failure: HostError?
    /// Why it was not known before the import began, when it was not.
    var unsurveyed: HostError?
    /// Of a file that is to be known again.
    var key: [UInt8] = []

    init(_ kind: Kind, _ name: FileName? = nil, _ status: HostStatus? = nil, _ old: Entry? = nil) {
        (self.kind, self.name, self.status, self.old) = (kind, name, status, old)
    }

    /// Whether it is an entry of the host.
    var isProgress: Bool {
        switch kind {
        case .leave, .gone, .nameless: false
        default: true
        }
    }
}
