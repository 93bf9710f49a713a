# Builds slipgate. tools/build_host.sh calls this, in this directory, with MPDIR (MicroPython's tree, for lwIP and its
# options), OBJ (directory), OUT (file), CC and SANITIZE.
include lwip.mk

OURS := forward.o lwip_sys.o slip_frame.o slipgate.o source.o
LWIP := $(addprefix lwip/,$(LWIP_SRC_C:.c=.o))
OBJECTS := $(addprefix $(OBJ)/,$(OURS) $(LWIP))

CFLAGS := -std=gnu99 -O2 -g -Wall -Wextra -Werror -MMD -I../.. -Iinclude -Iinclude/slipgate -I$(MPDIR)/lib/lwip/src/include -I$(MPDIR)
CFLAGS += -DLWIP_TCP_RTO_TIME=1000
ifeq ($(SANITIZE),1)
CFLAGS += -DMODHTTP_SAFE_POINTS=1 -fsanitize=address,undefined -fno-sanitize=alignment -fno-sanitize-recover=undefined
LDFLAGS += -fsanitize=address,undefined
endif

$(OUT): $(OBJECTS)
	$(CC) $(LDFLAGS) -o $@ $^

$(OBJ)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c -o $@ $<

$(OBJ)/%.o: ../%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c -o $@ $<

$(OBJ)/lwip/%.o: $(MPDIR)/lib/lwip/src/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -Wno-address -Wno-unused-parameter -c -o $@ $<

-include $(OBJECTS:.o=.d)
