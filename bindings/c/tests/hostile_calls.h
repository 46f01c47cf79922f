/* Written by scripts/abi from include/ipldstore.h; included by hostile.c. */

enum kind {
    KIND_STORE,
    KIND_BATCH,
    KIND_VIEW,
    KIND_READER,
    KIND_WRITER,
    KIND_ITER,
    KINDS
};

static void call_ips_strerror(struct caller *caller) {
    ips_status status = (ips_status)any_number(caller, NUMBER_SMALL);
    (void)ips_strerror(status);
}

static void call_ips_version_number(struct caller *caller) {
    (void)ips_version_number();
    (void)caller;
}

static void call_ips_version_string(struct caller *caller) {
    (void)ips_version_string();
    (void)caller;
}

static void call_ips_build_info(struct caller *caller) {
    (void)ips_build_info();
    (void)caller;
}

static void call_ips_cid_parse(struct caller *caller) {
    const char *text = any_text(caller, TEXT_CID_TEXT);
    ips_cid *cid = place(caller, sizeof(ips_cid), 8);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_cid_parse(text, cid, error);
    judge(caller, "ips_cid_parse", status);
    if (status == IPS_OK) keep_cid(caller, cid);
}

static void call_ips_cid_format(struct caller *caller) {
    const ips_cid *cid = any_cid(caller);
    char base = (char)any_number(caller, NUMBER_SMALL);
    char *buffer = any_buffer(caller);
    size_t capacity = any_capacity(caller);
    size_t *length = place(caller, sizeof(size_t), sizeof(size_t));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_cid_format(cid, base, buffer, capacity, length, error);
    judge(caller, "ips_cid_format", status);
}

static void call_ips_cid_from_bytes(struct caller *caller) {
    ips_bytes bytes = any_bytes(caller);
    ips_cid *cid = place(caller, sizeof(ips_cid), 8);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_cid_from_bytes(bytes, cid, error);
    judge(caller, "ips_cid_from_bytes", status);
    if (status == IPS_OK) keep_cid(caller, cid);
}

static void call_ips_cid_to_bytes(struct caller *caller) {
    const ips_cid *cid = any_cid(caller);
    void *buffer = any_buffer(caller);
    size_t capacity = any_capacity(caller);
    size_t *length = place(caller, sizeof(size_t), sizeof(size_t));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_cid_to_bytes(cid, buffer, capacity, length, error);
    judge(caller, "ips_cid_to_bytes", status);
}

static void call_ips_cid_of_block(struct caller *caller) {
    ips_bytes block = any_bytes(caller);
    uint64_t codec = (uint64_t)any_number(caller, NUMBER_CODEC);
    uint64_t hash = (uint64_t)any_number(caller, NUMBER_HASH);
    ips_cid *cid = place(caller, sizeof(ips_cid), 8);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_cid_of_block(block, codec, hash, cid, error);
    judge(caller, "ips_cid_of_block", status);
    if (status == IPS_OK) keep_cid(caller, cid);
}

static void call_ips_cid_compare(struct caller *caller) {
    const ips_cid *a = any_cid(caller);
    const ips_cid *b = any_cid(caller);
    (void)ips_cid_compare(a, b);
    (void)caller;
}

static void call_ips_create_options_init(struct caller *caller) {
    ips_create_options *options = any_struct(caller, sizeof(ips_create_options));
    size_t struct_size = (size_t)any_number(caller, NUMBER_SMALL);
    (void)ips_create_options_init(options, struct_size);
    (void)caller;
}

static void call_ips_store_create(struct caller *caller) {
    const char *path = any_text(caller, TEXT_PATH);
    const ips_create_options *options = any_struct(caller, sizeof(ips_create_options));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_store_create(path, options, error);
    judge(caller, "ips_store_create", status);
}

static void call_ips_open_options_init(struct caller *caller) {
    ips_open_options *options = any_struct(caller, sizeof(ips_open_options));
    size_t struct_size = (size_t)any_number(caller, NUMBER_SMALL);
    (void)ips_open_options_init(options, struct_size);
    (void)caller;
}

static void call_ips_store_open(struct caller *caller) {
    const char *path = any_text(caller, TEXT_PATH);
    const ips_open_options *options = any_struct(caller, sizeof(ips_open_options));
    ips_store **store = place(caller, sizeof(void *), sizeof(void *));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_store_open(path, options, store, error);
    judge(caller, "ips_store_open", status);
    if (status == IPS_OK) keep_handle(caller, KIND_STORE, store);
}

static void call_ips_store_close(struct caller *caller) {
    ips_store *store = any_handle(caller, KIND_STORE);
    if (!may_give_back(caller, store)) return;
    ips_store_close(store);
    forget_handle(caller, KIND_STORE, store);
}

static void call_ips_store_get_information(struct caller *caller) {
    const ips_store *store = any_handle(caller, KIND_STORE);
    ips_store_information *information = any_struct(caller, sizeof(ips_store_information));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_store_get_information(store, information, error);
    judge(caller, "ips_store_get_information", status);
}

static void call_ips_store_get_configuration(struct caller *caller) {
    const ips_store *store = any_handle(caller, KIND_STORE);
    ips_create_options *options = any_struct(caller, sizeof(ips_create_options));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_store_get_configuration(store, options, error);
    judge(caller, "ips_store_get_configuration", status);
}

static void call_ips_store_put_buffer(struct caller *caller) {
    ips_store *store = any_handle(caller, KIND_STORE);
    ips_bytes data = any_bytes(caller);
    ips_cid *cid = place(caller, sizeof(ips_cid), 8);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_store_put_buffer(store, data, cid, error);
    judge(caller, "ips_store_put_buffer", status);
    if (status == IPS_OK) keep_cid(caller, cid);
}

static void call_ips_store_put_descriptor(struct caller *caller) {
    ips_store *store = any_handle(caller, KIND_STORE);
    int descriptor = any_descriptor(caller);
    ips_progress progress = any_ips_progress(caller);
    void *context = caller;
    ips_cid *cid = place(caller, sizeof(ips_cid), 8);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_store_put_descriptor(store, descriptor, progress, context, cid, error);
    judge(caller, "ips_store_put_descriptor", status);
    if (status == IPS_OK) keep_cid(caller, cid);
}

static void call_ips_store_put_callback(struct caller *caller) {
    ips_store *store = any_handle(caller, KIND_STORE);
    ips_read_callback read = any_ips_read_callback(caller);
    ips_progress progress = any_ips_progress(caller);
    void *context = caller;
    ips_cid *cid = place(caller, sizeof(ips_cid), 8);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_store_put_callback(store, read, progress, context, cid, error);
    judge(caller, "ips_store_put_callback", status);
    if (status == IPS_OK) keep_cid(caller, cid);
}

static void call_ips_store_has(struct caller *caller) {
    const ips_store *store = any_handle(caller, KIND_STORE);
    const ips_cid *cid = any_cid(caller);
    bool *is_here = place(caller, sizeof(bool), sizeof(bool));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_store_has(store, cid, is_here, error);
    judge(caller, "ips_store_has", status);
}

static void call_ips_store_size(struct caller *caller) {
    const ips_store *store = any_handle(caller, KIND_STORE);
    const ips_cid *cid = any_cid(caller);
    uint64_t *size = place(caller, sizeof(uint64_t), sizeof(uint64_t));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_store_size(store, cid, size, error);
    judge(caller, "ips_store_size", status);
}

static void call_ips_store_get_buffer(struct caller *caller) {
    const ips_store *store = any_handle(caller, KIND_STORE);
    const ips_cid *cid = any_cid(caller);
    void *buffer = any_buffer(caller);
    size_t capacity = any_capacity(caller);
    size_t *length = place(caller, sizeof(size_t), sizeof(size_t));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_store_get_buffer(store, cid, buffer, capacity, length, error);
    judge(caller, "ips_store_get_buffer", status);
}

static void call_ips_store_read_at(struct caller *caller) {
    const ips_store *store = any_handle(caller, KIND_STORE);
    const ips_cid *cid = any_cid(caller);
    uint64_t offset = (uint64_t)any_number(caller, NUMBER_OFFSET);
    void *buffer = any_buffer(caller);
    size_t capacity = any_capacity(caller);
    size_t *got = place(caller, sizeof(size_t), sizeof(size_t));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_store_read_at(store, cid, offset, buffer, capacity, got, error);
    judge(caller, "ips_store_read_at", status);
}

static void call_ips_store_get_descriptor(struct caller *caller) {
    const ips_store *store = any_handle(caller, KIND_STORE);
    const ips_cid *cid = any_cid(caller);
    uint64_t offset = (uint64_t)any_number(caller, NUMBER_OFFSET);
    uint64_t length = (uint64_t)any_number(caller, NUMBER_LENGTH);
    int descriptor = any_descriptor(caller);
    ips_progress progress = any_ips_progress(caller);
    void *context = caller;
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_store_get_descriptor(
        store, cid, offset, length, descriptor, progress, context, error);
    judge(caller, "ips_store_get_descriptor", status);
}

static void call_ips_store_get_callback(struct caller *caller) {
    const ips_store *store = any_handle(caller, KIND_STORE);
    const ips_cid *cid = any_cid(caller);
    uint64_t offset = (uint64_t)any_number(caller, NUMBER_OFFSET);
    uint64_t length = (uint64_t)any_number(caller, NUMBER_LENGTH);
    ips_write_callback write = any_ips_write_callback(caller);
    ips_progress progress = any_ips_progress(caller);
    void *context = caller;
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_store_get_callback(store, cid, offset, length, write, progress, context, error);
    judge(caller, "ips_store_get_callback", status);
}

static void call_ips_store_put_block(struct caller *caller) {
    ips_store *store = any_handle(caller, KIND_STORE);
    ips_bytes block = any_bytes(caller);
    uint64_t codec = (uint64_t)any_number(caller, NUMBER_CODEC);
    ips_cid *cid = place(caller, sizeof(ips_cid), 8);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_store_put_block(store, block, codec, cid, error);
    judge(caller, "ips_store_put_block", status);
    if (status == IPS_OK) keep_cid(caller, cid);
}

static void call_ips_store_get_block(struct caller *caller) {
    const ips_store *store = any_handle(caller, KIND_STORE);
    const ips_cid *cid = any_cid(caller);
    void *buffer = any_buffer(caller);
    size_t capacity = any_capacity(caller);
    size_t *length = place(caller, sizeof(size_t), sizeof(size_t));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_store_get_block(store, cid, buffer, capacity, length, error);
    judge(caller, "ips_store_get_block", status);
}

static void call_ips_store_put_node(struct caller *caller) {
    ips_store *store = any_handle(caller, KIND_STORE);
    ips_bytes dag_cbor = any_bytes(caller);
    ips_cid *cid = place(caller, sizeof(ips_cid), 8);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_store_put_node(store, dag_cbor, cid, error);
    judge(caller, "ips_store_put_node", status);
    if (status == IPS_OK) keep_cid(caller, cid);
}

static void call_ips_store_get_node(struct caller *caller) {
    const ips_store *store = any_handle(caller, KIND_STORE);
    const ips_cid *cid = any_cid(caller);
    void *buffer = any_buffer(caller);
    size_t capacity = any_capacity(caller);
    size_t *length = place(caller, sizeof(size_t), sizeof(size_t));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_store_get_node(store, cid, buffer, capacity, length, error);
    judge(caller, "ips_store_get_node", status);
}

static void call_ips_store_get_value(struct caller *caller) {
    const ips_store *store = any_handle(caller, KIND_STORE);
    const ips_cid *cid = any_cid(caller);
    const char *path = any_text(caller, TEXT_VALUE_PATH);
    void *buffer = any_buffer(caller);
    size_t capacity = any_capacity(caller);
    size_t *length = place(caller, sizeof(size_t), sizeof(size_t));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_store_get_value(store, cid, path, buffer, capacity, length, error);
    judge(caller, "ips_store_get_value", status);
}

static void call_ips_store_edit_node(struct caller *caller) {
    ips_store *store = any_handle(caller, KIND_STORE);
    const ips_cid *cid = any_cid(caller);
    const char *path = any_text(caller, TEXT_VALUE_PATH);
    const ips_node_change *changes = any_ips_node_changes(caller);
    size_t count = any_count(caller);
    ips_cid *edited = place(caller, sizeof(ips_cid), 8);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_store_edit_node(store, cid, path, changes, count, edited, error);
    judge(caller, "ips_store_edit_node", status);
    if (status == IPS_OK) keep_cid(caller, edited);
}

static void call_ips_store_elements(struct caller *caller) {
    const ips_store *store = any_handle(caller, KIND_STORE);
    const ips_cid *cid = any_cid(caller);
    const char *path = any_text(caller, TEXT_VALUE_PATH);
    ips_iter **elements = place(caller, sizeof(void *), sizeof(void *));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_store_elements(store, cid, path, elements, error);
    judge(caller, "ips_store_elements", status);
    if (status == IPS_OK) keep_handle(caller, KIND_ITER, elements);
}

static void call_ips_store_inspect(struct caller *caller) {
    const ips_store *store = any_handle(caller, KIND_STORE);
    const ips_cid *cid = any_cid(caller);
    ips_block_information *information = any_struct(caller, sizeof(ips_block_information));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_store_inspect(store, cid, information, error);
    judge(caller, "ips_store_inspect", status);
}

static void call_ips_store_links(struct caller *caller) {
    const ips_store *store = any_handle(caller, KIND_STORE);
    const ips_cid *cid = any_cid(caller);
    ips_iter **links = place(caller, sizeof(void *), sizeof(void *));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_store_links(store, cid, links, error);
    judge(caller, "ips_store_links", status);
    if (status == IPS_OK) keep_handle(caller, KIND_ITER, links);
}

static void call_ips_store_view(struct caller *caller) {
    const ips_store *store = any_handle(caller, KIND_STORE);
    const ips_cid *cid = any_cid(caller);
    ips_view **view = place(caller, sizeof(void *), sizeof(void *));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_store_view(store, cid, view, error);
    judge(caller, "ips_store_view", status);
    if (status == IPS_OK) keep_handle(caller, KIND_VIEW, view);
}

static void call_ips_view_bytes(struct caller *caller) {
    const ips_view *view = any_handle(caller, KIND_VIEW);
    look_at(caller, ips_view_bytes(view));
}

static void call_ips_view_close(struct caller *caller) {
    ips_view *view = any_handle(caller, KIND_VIEW);
    if (!may_give_back(caller, view)) return;
    ips_view_close(view);
    forget_handle(caller, KIND_VIEW, view);
}

static void call_ips_batch_begin(struct caller *caller) {
    ips_store *store = any_handle(caller, KIND_STORE);
    ips_batch **batch = place(caller, sizeof(void *), sizeof(void *));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_batch_begin(store, batch, error);
    judge(caller, "ips_batch_begin", status);
    if (status == IPS_OK) keep_handle(caller, KIND_BATCH, batch);
}

static void call_ips_batch_put_buffer(struct caller *caller) {
    ips_batch *batch = any_handle(caller, KIND_BATCH);
    ips_bytes data = any_bytes(caller);
    ips_cid *cid = place(caller, sizeof(ips_cid), 8);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_batch_put_buffer(batch, data, cid, error);
    judge(caller, "ips_batch_put_buffer", status);
    if (status == IPS_OK) keep_cid(caller, cid);
}

static void call_ips_batch_put_descriptor(struct caller *caller) {
    ips_batch *batch = any_handle(caller, KIND_BATCH);
    int descriptor = any_descriptor(caller);
    ips_progress progress = any_ips_progress(caller);
    void *context = caller;
    ips_cid *cid = place(caller, sizeof(ips_cid), 8);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_batch_put_descriptor(batch, descriptor, progress, context, cid, error);
    judge(caller, "ips_batch_put_descriptor", status);
    if (status == IPS_OK) keep_cid(caller, cid);
}

static void call_ips_batch_put_callback(struct caller *caller) {
    ips_batch *batch = any_handle(caller, KIND_BATCH);
    ips_read_callback read = any_ips_read_callback(caller);
    ips_progress progress = any_ips_progress(caller);
    void *context = caller;
    ips_cid *cid = place(caller, sizeof(ips_cid), 8);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_batch_put_callback(batch, read, progress, context, cid, error);
    judge(caller, "ips_batch_put_callback", status);
    if (status == IPS_OK) keep_cid(caller, cid);
}

static void call_ips_batch_put_block(struct caller *caller) {
    ips_batch *batch = any_handle(caller, KIND_BATCH);
    ips_bytes block = any_bytes(caller);
    uint64_t codec = (uint64_t)any_number(caller, NUMBER_CODEC);
    ips_cid *cid = place(caller, sizeof(ips_cid), 8);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_batch_put_block(batch, block, codec, cid, error);
    judge(caller, "ips_batch_put_block", status);
    if (status == IPS_OK) keep_cid(caller, cid);
}

static void call_ips_batch_put_node(struct caller *caller) {
    ips_batch *batch = any_handle(caller, KIND_BATCH);
    ips_bytes dag_cbor = any_bytes(caller);
    ips_cid *cid = place(caller, sizeof(ips_cid), 8);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_batch_put_node(batch, dag_cbor, cid, error);
    judge(caller, "ips_batch_put_node", status);
    if (status == IPS_OK) keep_cid(caller, cid);
}

static void call_ips_batch_edit_node(struct caller *caller) {
    ips_batch *batch = any_handle(caller, KIND_BATCH);
    const ips_cid *cid = any_cid(caller);
    const char *path = any_text(caller, TEXT_VALUE_PATH);
    const ips_node_change *changes = any_ips_node_changes(caller);
    size_t count = any_count(caller);
    ips_cid *edited = place(caller, sizeof(ips_cid), 8);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_batch_edit_node(batch, cid, path, changes, count, edited, error);
    judge(caller, "ips_batch_edit_node", status);
    if (status == IPS_OK) keep_cid(caller, edited);
}

static void call_ips_batch_set_root(struct caller *caller) {
    ips_batch *batch = any_handle(caller, KIND_BATCH);
    const char *name = any_text(caller, TEXT_NAME);
    const ips_cid *cid = any_cid(caller);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_batch_set_root(batch, name, cid, error);
    judge(caller, "ips_batch_set_root", status);
}

static void call_ips_batch_swap_root(struct caller *caller) {
    ips_batch *batch = any_handle(caller, KIND_BATCH);
    const char *name = any_text(caller, TEXT_NAME);
    const ips_cid *expected = any_cid(caller);
    const ips_cid *cid = any_cid(caller);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_batch_swap_root(batch, name, expected, cid, error);
    judge(caller, "ips_batch_swap_root", status);
}

static void call_ips_batch_hold(struct caller *caller) {
    ips_batch *batch = any_handle(caller, KIND_BATCH);
    const ips_cid *cid = any_cid(caller);
    const char *owner = any_text(caller, TEXT_NAME);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_batch_hold(batch, cid, owner, error);
    judge(caller, "ips_batch_hold", status);
}

static void call_ips_batch_commit(struct caller *caller) {
    if (!one_in(caller, 4)) return;
    ips_batch *batch = any_handle(caller, KIND_BATCH);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_batch_commit(batch, error);
    judge(caller, "ips_batch_commit", status);
}

static void call_ips_batch_abort(struct caller *caller) {
    if (!one_in(caller, 4)) return;
    ips_batch *batch = any_handle(caller, KIND_BATCH);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_batch_abort(batch, error);
    judge(caller, "ips_batch_abort", status);
}

static void call_ips_batch_free(struct caller *caller) {
    ips_batch *batch = any_handle(caller, KIND_BATCH);
    if (!may_give_back(caller, batch)) return;
    ips_batch_free(batch);
    forget_handle(caller, KIND_BATCH, batch);
}

static void call_ips_root_get(struct caller *caller) {
    const ips_store *store = any_handle(caller, KIND_STORE);
    const char *name = any_text(caller, TEXT_NAME);
    ips_cid *cid = place(caller, sizeof(ips_cid), 8);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_root_get(store, name, cid, error);
    judge(caller, "ips_root_get", status);
    if (status == IPS_OK) keep_cid(caller, cid);
}

static void call_ips_root_set(struct caller *caller) {
    ips_store *store = any_handle(caller, KIND_STORE);
    const char *name = any_text(caller, TEXT_NAME);
    const ips_cid *cid = any_cid(caller);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_root_set(store, name, cid, error);
    judge(caller, "ips_root_set", status);
}

static void call_ips_root_swap(struct caller *caller) {
    ips_store *store = any_handle(caller, KIND_STORE);
    const char *name = any_text(caller, TEXT_NAME);
    const ips_cid *expected = any_cid(caller);
    const ips_cid *cid = any_cid(caller);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_root_swap(store, name, expected, cid, error);
    judge(caller, "ips_root_swap", status);
}

static void call_ips_root_delete(struct caller *caller) {
    ips_store *store = any_handle(caller, KIND_STORE);
    const char *name = any_text(caller, TEXT_NAME);
    const ips_cid *expected = any_cid(caller);
    uint64_t budget = (uint64_t)any_number(caller, NUMBER_BUDGET);
    ips_gc_report *report = any_struct(caller, sizeof(ips_gc_report));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_root_delete(store, name, expected, budget, report, error);
    judge(caller, "ips_root_delete", status);
}

static void call_ips_root_list(struct caller *caller) {
    const ips_store *store = any_handle(caller, KIND_STORE);
    const char *from = any_text(caller, TEXT_NAME);
    ips_iter **roots = place(caller, sizeof(void *), sizeof(void *));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_root_list(store, from, roots, error);
    judge(caller, "ips_root_list", status);
    if (status == IPS_OK) keep_handle(caller, KIND_ITER, roots);
}

static void call_ips_store_retain(struct caller *caller) {
    ips_store *store = any_handle(caller, KIND_STORE);
    const ips_cid *cid = any_cid(caller);
    const char *owner = any_text(caller, TEXT_NAME);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_store_retain(store, cid, owner, error);
    judge(caller, "ips_store_retain", status);
}

static void call_ips_store_dereference(struct caller *caller) {
    ips_store *store = any_handle(caller, KIND_STORE);
    const ips_cid *cid = any_cid(caller);
    const char *owner = any_text(caller, TEXT_NAME);
    uint64_t budget = (uint64_t)any_number(caller, NUMBER_BUDGET);
    ips_gc_report *report = any_struct(caller, sizeof(ips_gc_report));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_store_dereference(store, cid, owner, budget, report, error);
    judge(caller, "ips_store_dereference", status);
}

static void call_ips_store_holds(struct caller *caller) {
    const ips_store *store = any_handle(caller, KIND_STORE);
    const char *owner = any_text(caller, TEXT_NAME);
    ips_iter **holds = place(caller, sizeof(void *), sizeof(void *));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_store_holds(store, owner, holds, error);
    judge(caller, "ips_store_holds", status);
    if (status == IPS_OK) keep_handle(caller, KIND_ITER, holds);
}

static void call_ips_reader_open(struct caller *caller) {
    const ips_store *store = any_handle(caller, KIND_STORE);
    const ips_cid *cid = any_cid(caller);
    ips_reader **reader = place(caller, sizeof(void *), sizeof(void *));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_reader_open(store, cid, reader, error);
    judge(caller, "ips_reader_open", status);
    if (status == IPS_OK) keep_handle(caller, KIND_READER, reader);
}

static void call_ips_reader_read_at(struct caller *caller) {
    const ips_reader *reader = any_handle(caller, KIND_READER);
    uint64_t offset = (uint64_t)any_number(caller, NUMBER_OFFSET);
    void *buffer = any_buffer(caller);
    size_t capacity = any_capacity(caller);
    size_t *got = place(caller, sizeof(size_t), sizeof(size_t));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_reader_read_at(reader, offset, buffer, capacity, got, error);
    judge(caller, "ips_reader_read_at", status);
}

static void call_ips_reader_read(struct caller *caller) {
    ips_reader *reader = any_handle(caller, KIND_READER);
    void *buffer = any_buffer(caller);
    size_t capacity = any_capacity(caller);
    size_t *got = place(caller, sizeof(size_t), sizeof(size_t));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_reader_read(reader, buffer, capacity, got, error);
    judge(caller, "ips_reader_read", status);
}

static void call_ips_reader_seek(struct caller *caller) {
    ips_reader *reader = any_handle(caller, KIND_READER);
    int64_t offset = (int64_t)any_number(caller, NUMBER_OFFSET);
    int origin = (int)any_number(caller, NUMBER_SMALL);
    uint64_t *position = place(caller, sizeof(uint64_t), sizeof(uint64_t));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_reader_seek(reader, offset, origin, position, error);
    judge(caller, "ips_reader_seek", status);
}

static void call_ips_reader_tell(struct caller *caller) {
    const ips_reader *reader = any_handle(caller, KIND_READER);
    uint64_t *position = place(caller, sizeof(uint64_t), sizeof(uint64_t));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_reader_tell(reader, position, error);
    judge(caller, "ips_reader_tell", status);
}

static void call_ips_reader_size(struct caller *caller) {
    const ips_reader *reader = any_handle(caller, KIND_READER);
    uint64_t *size = place(caller, sizeof(uint64_t), sizeof(uint64_t));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_reader_size(reader, size, error);
    judge(caller, "ips_reader_size", status);
}

static void call_ips_reader_close(struct caller *caller) {
    ips_reader *reader = any_handle(caller, KIND_READER);
    if (!may_give_back(caller, reader)) return;
    ips_reader_close(reader);
    forget_handle(caller, KIND_READER, reader);
}

static void call_ips_store_diff(struct caller *caller) {
    const ips_store *store = any_handle(caller, KIND_STORE);
    const ips_cid *from = any_cid(caller);
    const ips_cid *to = any_cid(caller);
    ips_iter **changes = place(caller, sizeof(void *), sizeof(void *));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_store_diff(store, from, to, changes, error);
    judge(caller, "ips_store_diff", status);
    if (status == IPS_OK) keep_handle(caller, KIND_ITER, changes);
}

static void call_ips_writer_open(struct caller *caller) {
    ips_store *store = any_handle(caller, KIND_STORE);
    const ips_cid *cid = any_cid(caller);
    ips_progress progress = any_ips_progress(caller);
    void *context = caller;
    ips_writer **writer = place(caller, sizeof(void *), sizeof(void *));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_writer_open(store, cid, progress, context, writer, error);
    judge(caller, "ips_writer_open", status);
    if (status == IPS_OK) keep_handle(caller, KIND_WRITER, writer);
}

static void call_ips_batch_open_writer(struct caller *caller) {
    ips_batch *batch = any_handle(caller, KIND_BATCH);
    const ips_cid *cid = any_cid(caller);
    ips_progress progress = any_ips_progress(caller);
    void *context = caller;
    ips_writer **writer = place(caller, sizeof(void *), sizeof(void *));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_batch_open_writer(batch, cid, progress, context, writer, error);
    judge(caller, "ips_batch_open_writer", status);
    if (status == IPS_OK) keep_handle(caller, KIND_WRITER, writer);
}

static void call_ips_writer_write_at(struct caller *caller) {
    ips_writer *writer = any_handle(caller, KIND_WRITER);
    uint64_t offset = (uint64_t)any_number(caller, NUMBER_OFFSET);
    ips_bytes data = any_bytes(caller);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_writer_write_at(writer, offset, data, error);
    judge(caller, "ips_writer_write_at", status);
}

static void call_ips_writer_append(struct caller *caller) {
    ips_writer *writer = any_handle(caller, KIND_WRITER);
    ips_bytes data = any_bytes(caller);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_writer_append(writer, data, error);
    judge(caller, "ips_writer_append", status);
}

static void call_ips_writer_truncate(struct caller *caller) {
    ips_writer *writer = any_handle(caller, KIND_WRITER);
    uint64_t size = (uint64_t)any_number(caller, NUMBER_OFFSET);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_writer_truncate(writer, size, error);
    judge(caller, "ips_writer_truncate", status);
}

static void call_ips_writer_read_at(struct caller *caller) {
    ips_writer *writer = any_handle(caller, KIND_WRITER);
    uint64_t offset = (uint64_t)any_number(caller, NUMBER_OFFSET);
    void *buffer = any_buffer(caller);
    size_t capacity = any_capacity(caller);
    size_t *got = place(caller, sizeof(size_t), sizeof(size_t));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_writer_read_at(writer, offset, buffer, capacity, got, error);
    judge(caller, "ips_writer_read_at", status);
}

static void call_ips_writer_size(struct caller *caller) {
    const ips_writer *writer = any_handle(caller, KIND_WRITER);
    uint64_t *size = place(caller, sizeof(uint64_t), sizeof(uint64_t));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_writer_size(writer, size, error);
    judge(caller, "ips_writer_size", status);
}

static void call_ips_writer_flush(struct caller *caller) {
    ips_writer *writer = any_handle(caller, KIND_WRITER);
    ips_cid *cid = place(caller, sizeof(ips_cid), 8);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_writer_flush(writer, cid, error);
    judge(caller, "ips_writer_flush", status);
    if (status == IPS_OK) keep_cid(caller, cid);
}

static void call_ips_writer_commit(struct caller *caller) {
    if (!one_in(caller, 4)) return;
    ips_writer *writer = any_handle(caller, KIND_WRITER);
    ips_cid *cid = place(caller, sizeof(ips_cid), 8);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_writer_commit(writer, cid, error);
    judge(caller, "ips_writer_commit", status);
    if (status == IPS_OK) keep_cid(caller, cid);
}

static void call_ips_writer_abort(struct caller *caller) {
    if (!one_in(caller, 4)) return;
    ips_writer *writer = any_handle(caller, KIND_WRITER);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_writer_abort(writer, error);
    judge(caller, "ips_writer_abort", status);
}

static void call_ips_writer_close(struct caller *caller) {
    ips_writer *writer = any_handle(caller, KIND_WRITER);
    if (!may_give_back(caller, writer)) return;
    ips_writer_close(writer);
    forget_handle(caller, KIND_WRITER, writer);
}

static void call_ips_iter_next_cid(struct caller *caller) {
    ips_iter *iter = any_handle(caller, KIND_ITER);
    ips_cid *cid = place(caller, sizeof(ips_cid), 8);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_iter_next_cid(iter, cid, error);
    judge(caller, "ips_iter_next_cid", status);
    if (status == IPS_OK) keep_cid(caller, cid);
}

static void call_ips_iter_next_root(struct caller *caller) {
    ips_iter *iter = any_handle(caller, KIND_ITER);
    ips_root *root = place(caller, sizeof(ips_root), 8);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_iter_next_root(iter, root, error);
    judge(caller, "ips_iter_next_root", status);
}

static void call_ips_iter_next_hold(struct caller *caller) {
    ips_iter *iter = any_handle(caller, KIND_ITER);
    ips_hold *hold = place(caller, sizeof(ips_hold), 8);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_iter_next_hold(iter, hold, error);
    judge(caller, "ips_iter_next_hold", status);
}

static void call_ips_iter_next_problem(struct caller *caller) {
    ips_iter *iter = any_handle(caller, KIND_ITER);
    ips_problem *problem = place(caller, sizeof(ips_problem), 8);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_iter_next_problem(iter, problem, error);
    judge(caller, "ips_iter_next_problem", status);
}

static void call_ips_iter_next_change(struct caller *caller) {
    ips_iter *iter = any_handle(caller, KIND_ITER);
    ips_change *change = place(caller, sizeof(ips_change), 8);
    ips_progress progress = any_ips_progress(caller);
    void *context = caller;
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_iter_next_change(iter, change, progress, context, error);
    judge(caller, "ips_iter_next_change", status);
}

static void call_ips_iter_next_element(struct caller *caller) {
    ips_iter *iter = any_handle(caller, KIND_ITER);
    void *key = any_buffer(caller);
    size_t key_capacity = any_capacity(caller);
    size_t *key_length = place(caller, sizeof(size_t), sizeof(size_t));
    void *value = any_buffer(caller);
    size_t value_capacity = any_capacity(caller);
    size_t *value_length = place(caller, sizeof(size_t), sizeof(size_t));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_iter_next_element(
        iter, key, key_capacity, key_length, value, value_capacity, value_length, error);
    judge(caller, "ips_iter_next_element", status);
}

static void call_ips_iter_tell_element(struct caller *caller) {
    ips_iter *iter = any_handle(caller, KIND_ITER);
    uint64_t *position = place(caller, sizeof(uint64_t), sizeof(uint64_t));
    uint64_t *count = place(caller, sizeof(uint64_t), sizeof(uint64_t));
    bool *is_map = place(caller, sizeof(bool), sizeof(bool));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_iter_tell_element(iter, position, count, is_map, error);
    judge(caller, "ips_iter_tell_element", status);
}

static void call_ips_iter_seek_element(struct caller *caller) {
    ips_iter *iter = any_handle(caller, KIND_ITER);
    uint64_t position = (uint64_t)any_number(caller, NUMBER_SMALL);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_iter_seek_element(iter, position, error);
    judge(caller, "ips_iter_seek_element", status);
}

static void call_ips_iter_seek_key(struct caller *caller) {
    ips_iter *iter = any_handle(caller, KIND_ITER);
    ips_bytes key = any_bytes(caller);
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_iter_seek_key(iter, key, error);
    judge(caller, "ips_iter_seek_key", status);
}

static void call_ips_iter_close(struct caller *caller) {
    ips_iter *iter = any_handle(caller, KIND_ITER);
    if (!may_give_back(caller, iter)) return;
    ips_iter_close(iter);
    forget_handle(caller, KIND_ITER, iter);
}

static void call_ips_store_gc(struct caller *caller) {
    ips_store *store = any_handle(caller, KIND_STORE);
    uint64_t budget = (uint64_t)any_number(caller, NUMBER_BUDGET);
    ips_progress progress = any_ips_progress(caller);
    void *context = caller;
    ips_gc_report *report = any_struct(caller, sizeof(ips_gc_report));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_store_gc(store, budget, progress, context, report, error);
    judge(caller, "ips_store_gc", status);
}

static void call_ips_store_usage(struct caller *caller) {
    const ips_store *store = any_handle(caller, KIND_STORE);
    const char *const *names = any_texts(caller);
    size_t count = any_count(caller);
    ips_usage *usage = any_struct(caller, sizeof(ips_usage));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_store_usage(store, names, count, usage, error);
    judge(caller, "ips_store_usage", status);
}

static void call_ips_store_gc_dry_run(struct caller *caller) {
    const ips_store *store = any_handle(caller, KIND_STORE);
    ips_usage *usage = any_struct(caller, sizeof(ips_usage));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_store_gc_dry_run(store, usage, error);
    judge(caller, "ips_store_gc_dry_run", status);
}

static void call_ips_store_stat(struct caller *caller) {
    const ips_store *store = any_handle(caller, KIND_STORE);
    ips_stat *stat = any_struct(caller, sizeof(ips_stat));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_store_stat(store, stat, error);
    judge(caller, "ips_store_stat", status);
}

static void call_ips_store_verify(struct caller *caller) {
    ips_store *store = any_handle(caller, KIND_STORE);
    ips_progress progress = any_ips_progress(caller);
    void *context = caller;
    ips_verify_report *report = any_struct(caller, sizeof(ips_verify_report));
    ips_iter **problems = place(caller, sizeof(void *), sizeof(void *));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_store_verify(store, progress, context, report, problems, error);
    judge(caller, "ips_store_verify", status);
    if (status == IPS_OK) keep_handle(caller, KIND_ITER, problems);
}

static void call_ips_store_repair(struct caller *caller) {
    const char *path = any_text(caller, TEXT_PATH);
    ips_progress progress = any_ips_progress(caller);
    void *context = caller;
    ips_repair_report *report = any_struct(caller, sizeof(ips_repair_report));
    ips_error *error = place(caller, sizeof(ips_error), 8);
    ips_status status = ips_store_repair(path, progress, context, report, error);
    judge(caller, "ips_store_repair", status);
}

static const struct {
    const char *name;
    void (*call)(struct caller *);
} calls[] = {
    {"ips_strerror", call_ips_strerror},
    {"ips_version_number", call_ips_version_number},
    {"ips_version_string", call_ips_version_string},
    {"ips_build_info", call_ips_build_info},
    {"ips_cid_parse", call_ips_cid_parse},
    {"ips_cid_format", call_ips_cid_format},
    {"ips_cid_from_bytes", call_ips_cid_from_bytes},
    {"ips_cid_to_bytes", call_ips_cid_to_bytes},
    {"ips_cid_of_block", call_ips_cid_of_block},
    {"ips_cid_compare", call_ips_cid_compare},
    {"ips_create_options_init", call_ips_create_options_init},
    {"ips_store_create", call_ips_store_create},
    {"ips_open_options_init", call_ips_open_options_init},
    {"ips_store_open", call_ips_store_open},
    {"ips_store_close", call_ips_store_close},
    {"ips_store_get_information", call_ips_store_get_information},
    {"ips_store_get_configuration", call_ips_store_get_configuration},
    {"ips_store_put_buffer", call_ips_store_put_buffer},
    {"ips_store_put_descriptor", call_ips_store_put_descriptor},
    {"ips_store_put_callback", call_ips_store_put_callback},
    {"ips_store_has", call_ips_store_has},
    {"ips_store_size", call_ips_store_size},
    {"ips_store_get_buffer", call_ips_store_get_buffer},
    {"ips_store_read_at", call_ips_store_read_at},
    {"ips_store_get_descriptor", call_ips_store_get_descriptor},
    {"ips_store_get_callback", call_ips_store_get_callback},
    {"ips_store_put_block", call_ips_store_put_block},
    {"ips_store_get_block", call_ips_store_get_block},
    {"ips_store_put_node", call_ips_store_put_node},
    {"ips_store_get_node", call_ips_store_get_node},
    {"ips_store_get_value", call_ips_store_get_value},
    {"ips_store_edit_node", call_ips_store_edit_node},
    {"ips_store_elements", call_ips_store_elements},
    {"ips_store_inspect", call_ips_store_inspect},
    {"ips_store_links", call_ips_store_links},
    {"ips_store_view", call_ips_store_view},
    {"ips_view_bytes", call_ips_view_bytes},
    {"ips_view_close", call_ips_view_close},
    {"ips_batch_begin", call_ips_batch_begin},
    {"ips_batch_put_buffer", call_ips_batch_put_buffer},
    {"ips_batch_put_descriptor", call_ips_batch_put_descriptor},
    {"ips_batch_put_callback", call_ips_batch_put_callback},
    {"ips_batch_put_block", call_ips_batch_put_block},
    {"ips_batch_put_node", call_ips_batch_put_node},
    {"ips_batch_edit_node", call_ips_batch_edit_node},
    {"ips_batch_set_root", call_ips_batch_set_root},
    {"ips_batch_swap_root", call_ips_batch_swap_root},
    {"ips_batch_hold", call_ips_batch_hold},
    {"ips_batch_commit", call_ips_batch_commit},
    {"ips_batch_abort", call_ips_batch_abort},
    {"ips_batch_free", call_ips_batch_free},
    {"ips_root_get", call_ips_root_get},
    {"ips_root_set", call_ips_root_set},
    {"ips_root_swap", call_ips_root_swap},
    {"ips_root_delete", call_ips_root_delete},
    {"ips_root_list", call_ips_root_list},
    {"ips_store_retain", call_ips_store_retain},
    {"ips_store_dereference", call_ips_store_dereference},
    {"ips_store_holds", call_ips_store_holds},
    {"ips_reader_open", call_ips_reader_open},
    {"ips_reader_read_at", call_ips_reader_read_at},
    {"ips_reader_read", call_ips_reader_read},
    {"ips_reader_seek", call_ips_reader_seek},
    {"ips_reader_tell", call_ips_reader_tell},
    {"ips_reader_size", call_ips_reader_size},
    {"ips_reader_close", call_ips_reader_close},
    {"ips_store_diff", call_ips_store_diff},
    {"ips_writer_open", call_ips_writer_open},
    {"ips_batch_open_writer", call_ips_batch_open_writer},
    {"ips_writer_write_at", call_ips_writer_write_at},
    {"ips_writer_append", call_ips_writer_append},
    {"ips_writer_truncate", call_ips_writer_truncate},
    {"ips_writer_read_at", call_ips_writer_read_at},
    {"ips_writer_size", call_ips_writer_size},
    {"ips_writer_flush", call_ips_writer_flush},
    {"ips_writer_commit", call_ips_writer_commit},
    {"ips_writer_abort", call_ips_writer_abort},
    {"ips_writer_close", call_ips_writer_close},
    {"ips_iter_next_cid", call_ips_iter_next_cid},
    {"ips_iter_next_root", call_ips_iter_next_root},
    {"ips_iter_next_hold", call_ips_iter_next_hold},
    {"ips_iter_next_problem", call_ips_iter_next_problem},
    {"ips_iter_next_change", call_ips_iter_next_change},
    {"ips_iter_next_element", call_ips_iter_next_element},
    {"ips_iter_tell_element", call_ips_iter_tell_element},
    {"ips_iter_seek_element", call_ips_iter_seek_element},
    {"ips_iter_seek_key", call_ips_iter_seek_key},
    {"ips_iter_close", call_ips_iter_close},
    {"ips_store_gc", call_ips_store_gc},
    {"ips_store_usage", call_ips_store_usage},
    {"ips_store_gc_dry_run", call_ips_store_gc_dry_run},
    {"ips_store_stat", call_ips_store_stat},
    {"ips_store_verify", call_ips_store_verify},
    {"ips_store_repair", call_ips_store_repair},
};
