// libnftables(3): the nft program as a library, version 0.9.3 or later.
#ifndef APRON_CNFTABLES_H
#define APRON_CNFTABLES_H

#include <nftables/libnftables.h>

#endif
