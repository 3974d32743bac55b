#include "apron_nftables.h"

#include <dlfcn.h>

const char *apron_nftables_load(struct apron_nftables *functions) {
    void *library = dlopen("libnftables.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library) return dlerror();
#define LOAD(name) \
    if (!(functions->name = (__typeof__(functions->name))dlsym(library, "nft_" #name))) return dlerror()
    LOAD(ctx_new);
    LOAD(ctx_free);
    LOAD(ctx_buffer_output);
    LOAD(ctx_buffer_error);
    LOAD(ctx_get_error_buffer);
    LOAD(run_cmd_from_buffer);
    return NULL;
}
