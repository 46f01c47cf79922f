/// CIDs: text, binary form, order.
import CIpldStore
import IpldEngine

@c @implementation
public func ips_cid_parse(
    _ text: UnsafePointer<CChar>?, _ cid: UnsafeMutablePointer<ips_cid>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(cid, "cid")
        let text = try CAPI.text(text, "text of the CID", limit: Int(IPS_CID_TEXT_SIZE) - 1)
        do throws(CIDError) {
            result.pointee = ips_cid(try CID(parsing: text))
        } catch { throw StoreError(error) }
    }
}

@c @implementation
public func ips_cid_format(
    _ cid: UnsafePointer<ips_cid>?, _ base: CChar, _ buffer: UnsafeMutablePointer<CChar>?, _ capacity: Int,
    _ length: UnsafeMutablePointer<Int>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let length = try optionalOutput(length, "length")
        let cid = try CAPI.cid(cid)
        let room = try CAPI.room(buffer, capacity)
        var text: String
        if base == 0 {
            text = cid.description
        } else {
            guard let base = Multibase(prefix: UInt8(bitPattern: base)) else {
                throw StoreError(.unsupported, "there is no such multibase here")
            }
            do throws(CIDError) { text = try cid.formatted(in: base) } catch { throw StoreError(error) }
        }
        try text.withUTF8Bytes { (bytes) throws(StoreError) in
            try deliver(bytes, to: room, length, terminated: true)
        }
    }
}

extension String {
    /// `withUTF8` that keeps the type of what is thrown.
    fileprivate mutating func withUTF8Bytes(_ body: (UnsafeRawBufferPointer) throws(StoreError) -> Void)
        throws(StoreError)
    {
        let result = withUTF8 { (bytes) -> Result<Void, StoreError> in
            do throws(StoreError) { return .success(try body(UnsafeRawBufferPointer(bytes))) } catch {
                return .failure(error)
            }
        }
        try result.get()
    }
}

@c @implementation
public func ips_cid_from_bytes(
    _ bytes: ips_bytes, _ cid: UnsafeMutablePointer<ips_cid>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(cid, "cid")
        let bytes = try input(bytes)
        do throws(CIDError) {
            result.pointee = ips_cid(try CID(binary: bytes))
        } catch { throw StoreError(error) }
    }
}

@c @implementation
public func ips_cid_to_bytes(
    _ cid: UnsafePointer<ips_cid>?, _ buffer: UnsafeMutableRawPointer?, _ capacity: Int,
    _ length: UnsafeMutablePointer<Int>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let length = try optionalOutput(length, "length")
        let cid = try CAPI.cid(cid)
        let room = try CAPI.room(buffer, capacity)
        try cid.withBinary { (bytes) throws(StoreError) in try deliver(bytes, to: room, length) }
    }
}

@c @implementation
public func ips_cid_of_block(
    _ block: ips_bytes, _ codec: UInt64, _ hash: UInt64, _ cid: UnsafeMutablePointer<ips_cid>?,
    _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(cid, "cid")
        let bytes = try input(block)
        guard bytes.count <= Block.maximumLength else {
            throw StoreError(
                .tooLarge, "a block has at most \(Block.maximumLength) bytes, not \(bytes.count)")
        }
        let codec = try CAPI.codec(codec)
        do throws(CIDError) {
            let hash = CID.HashFunction(rawValue: hash)
            result.pointee = ips_cid(try CID(hashing: bytes, codec: codec, hash: hash))
        } catch { throw StoreError(error) }
    }
}

@c @implementation
public func ips_cid_compare(_ a: UnsafePointer<ips_cid>?, _ b: UnsafePointer<ips_cid>?) -> Int32 {
    switch (optionalCID(a), optionalCID(b)) {
    case (nil, nil): return 0
    case (nil, _): return -1
    case (_, nil): return 1
    case (let a?, let b?): return a == b ? 0 : a < b ? -1 : 1
    }
}

/// A codec whose code has a binary form.
func codec(_ code: UInt64) throws(StoreError) -> CID.Codec {
    guard code < UInt64(1) << 63 else { throw StoreError(.invalid, "a codec is below 2^63") }
    return CID.Codec(rawValue: code)
}
