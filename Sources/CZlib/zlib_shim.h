// zlib, version 1.2.11 or later.
#ifndef APRON_CZLIB_H
#define APRON_CZLIB_H

#include <zlib.h>

#endif
