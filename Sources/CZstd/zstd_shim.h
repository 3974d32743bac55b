// libzstd, version 1.5 or later.
#ifndef APRON_CZSTD_H
#define APRON_CZSTD_H

#include <zstd.h>
#include <zstd_errors.h>

#endif
