#include "core/method.h"

static const char names[MH_METHOD_OTHER][8] = {
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE",
};

mh_method_t mh_method(const char *name, size_t len) {
    if (len == 0 || len >= sizeof(names[0])) {
        return MH_METHOD_OTHER;
    }
    for (int id = 0; id < MH_METHOD_OTHER; ++id) {
        size_t same = 0;
        while (same < len && names[id][same] == name[same]) {
            ++same;
        }
        if (same == len && names[id][len] == '\0') {
            return (mh_method_t)id;
        }
    }
    return MH_METHOD_OTHER;
}

const char *mh_method_name(mh_method_t id) {
    return names[id];
}
