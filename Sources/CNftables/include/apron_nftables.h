// libnftables(3): the nft program as a library, version 0.9.3 or later.
#ifndef APRON_NFTABLES_H
#define APRON_NFTABLES_H

#include <nftables/libnftables.h>

// The functions in use. The types are the library's own.
struct apron_nftables {
    __typeof__(nft_ctx_new) *ctx_new;
    __typeof__(nft_ctx_free) *ctx_free;
    __typeof__(nft_ctx_buffer_output) *ctx_buffer_output;
    __typeof__(nft_ctx_buffer_error) *ctx_buffer_error;
    __typeof__(nft_ctx_get_error_buffer) *ctx_get_error_buffer;
    __typeof__(nft_run_cmd_from_buffer) *run_cmd_from_buffer;
};

// Loads the library: NULL, or what dlopen(3) or dlsym(3) says, a string that lives until this thread's next call.
const char *apron_nftables_load(struct apron_nftables *functions);

#endif
