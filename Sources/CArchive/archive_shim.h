// libarchive(3), version 3.6 or later.
#ifndef APRON_CARCHIVE_H
#define APRON_CARCHIVE_H

#include <archive.h>
#include <archive_entry.h>

#endif
