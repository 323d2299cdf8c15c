#ifndef CASEMATE_C_ZLIB_H
#define CASEMATE_C_ZLIB_H

#if __has_include(<zlib.h>)
#include <zlib.h>
#else
#error "zlib.h is missing: run 'make setup', or install zlib1g-dev"
#endif

#endif
