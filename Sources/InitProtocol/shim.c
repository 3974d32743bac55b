#include "include/InitProtocol.h"
