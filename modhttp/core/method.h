#ifndef MODHTTP_CORE_METHOD_H
#define MODHTTP_CORE_METHOD_H

#include <stddef.h>

// Request methods (RFC 9110 section 9, RFC 5789). MH_METHOD_OTHER stands for any other token.
typedef enum {
    MH_GET,
    MH_HEAD,
    MH_POST,
    MH_PUT,
    MH_PATCH,
    MH_DELETE,
    MH_OPTIONS,
    MH_CONNECT,
    MH_TRACE,
    MH_METHOD_OTHER,
} mh_method_t;

// The method that `name`, a token, spells; methods are case-sensitive.
mh_method_t mh_method(const char *name, size_t len);

// The name of a method other than MH_METHOD_OTHER.
const char *mh_method_name(mh_method_t id);

#endif
