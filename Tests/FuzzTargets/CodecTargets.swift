@testable import IpldEngine
@testable import MonoFS

@Sendable func fuzzCID(_ input: UnsafeRawBufferPointer) {
    guard let cid = try? CID(binary: input) else { return }
    var bytes: [UInt8] = []
    cid.appendBinary(to: &bytes)
    require(bytes.elementsEqual(input), "the binary form of \(cid) is another one")
    require((try? CID(parsing: cid.description)) == cid, "the text of \(cid) is another's")
    _ = try? cid.matches(input)
    if let zero = try? cid.inVersion0() { require((try? CID(parsing: zero.description)) == zero, "\(zero)") }
}

@Sendable func fuzzCIDText(_ input: UnsafeRawBufferPointer) {
    let text = String(decoding: input, as: UTF8.self)
    guard let cid = try? CID(parsing: text) else { return }
    require((try? CID(parsing: cid.description)) == cid, "the text of \(cid) is another's")
    for base in [Multibase.base32, .base58btc, .base36, .base64url] {
        guard let formatted = try? cid.formatted(in: base) else { continue }
        require((try? CID(parsing: formatted)) == cid, "\(formatted) is another CID than \(cid)")
    }
}

@Sendable func fuzzVarint(_ input: UnsafeRawBufferPointer) {
    var offset = 0
    while offset < input.count {
        let start = offset
        guard let value = try? Varint.read(input, at: &offset) else {
            return require(offset == start, "an error moved the offset")
        }
        var bytes: [UInt8] = []
        do { try Varint.append(value, to: &bytes) } catch { require(false, "\(value) was read") }
        require(bytes.elementsEqual(input[start..<offset]), "\(value) has another form")
        require(Varint.length(of: value) == offset - start, "\(value) has another length")
    }
}

@Sendable func fuzzCBOR(_ input: UnsafeRawBufferPointer) {
    let isValid = (try? DagCBOR.validate(input)) != nil
    let links = try? DagCBOR.links(in: input)
    require(isValid == (links != nil), "links are found where nothing is valid, or not where it is")
    guard let value = try? DagCBOR.decode(input) else {
        // A valid encoding may still be a value that takes too much memory: not one of this size.
        return require(!isValid, "what is valid does not decode")
    }
    require(isValid, "what is not valid decodes")
    guard let again = try? DagCBOR.encode(value) else { return require(false, "what was decoded is encoded") }
    require(again.elementsEqual(input), "the encoding is another one")
    if let json = try? DagJSON.encode(value) {
        let back = json.withUnsafeBytes { try? DagJSON.decode($0) }
        require(back == value, "DAG-JSON gives another value")
    }
}

@Sendable func fuzzJSON(_ input: UnsafeRawBufferPointer) {
    guard let value = try? DagJSON.decode(input), let bytes = try? DagCBOR.encode(value) else { return }
    require((try? DagCBOR.decode(bytes)) == value, "DAG-CBOR gives another value")
    guard let json = try? DagJSON.encode(value) else { return }
    require(json.withUnsafeBytes { try? DagJSON.decode($0) } == value, "DAG-JSON gives another value")
}

@Sendable func fuzzTreeNode(_ input: UnsafeRawBufferPointer) {
    _ = try? TreeNode.size(ofBlock: input)
    guard let node = try? TreeNode.decode(input) else { return }
    require(!node.children.isEmpty, "a node without children")
    var sum: UInt64 = 0
    for run in node.children {
        let (product, overflow) = run.size.multipliedReportingOverflow(by: run.count)
        require(!overflow && run.count > 0 && run.size > 0, "an impossible run")
        let (total, tooMuch) = sum.addingReportingOverflow(product)
        require(!tooMuch, "a sum that overflows")
        sum = total
    }
    require(sum == node.size && sum <= TreeNode.maximumSize, "the sizes are not the node's")
}

@Sendable func fuzzEntry(_ input: UnsafeRawBufferPointer) {
    guard let entry = try? EntryDecoder.decode(input) else { return }
    guard let again = try? EntryEncoder.encode(entry) else {
        return require(false, "an entry is not encoded")
    }
    require(again.elementsEqual(input), "an entry has two encodings")
}
