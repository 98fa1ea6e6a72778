# SPDX-License-Identifier: Apache-2.0
# make            build/compose
# make demo       build it and bring up the voting application
# make test       everything that is tested (see compose/HACKING.md)
# Variables: O=dir (build elsewhere)  V=1 (show commands)  CC=clang  PREFIX=/usr/local  DIRS="..." (compile only these)

O       ?= build
CC      ?= gcc
PREFIX  ?= /usr/local
DESTDIR ?=
VERSION := 0.1.0
STD     ?= gnu11
OPT     ?= -O2 -g
SAN     ?=
Q       := $(if $(V),,@)

DIRS ?= parser graph compose/base compose/cli compose/cmd compose/engine compose/image compose/build \
	compose/net compose/runtime compose/supervisor compose/state compose/logs compose/oci

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings \
	-Wvla -Wformat=2 -Wundef -Wimplicit-fallthrough
HARD := -fstack-protector-strong -D_FORTIFY_SOURCE=$(if $(SAN),0,2) -fPIE -fno-strict-aliasing
# Nothing unwinds at run time (debuggers have .debug_frame), and what nothing calls is left out.
SLIM := $(if $(SAN),,-fno-asynchronous-unwind-tables -fno-unwind-tables) -ffunction-sections -fdata-sections
# libcurl, libarchive, libnftables and libcrypto are loaded at run time, only where used (compose/base/dl.h).
LIBS := -lyaml -ljansson -lcap -lseccomp -lmnl -lpthread -ldl

CFLAGS_ALL = -D_GNU_SOURCE -std=$(STD) $(OPT) $(WARN) $(HARD) $(SLIM) $(SAN) -I. -DCOMPOSE_VERSION='"$(VERSION)"' \
	-include compose/base/banned.h $(CFLAGS)
LDFLAGS_ALL = -pie -Wl,-z,relro,-z,now -Wl,--as-needed -Wl,--gc-sections -Wl,--build-id -Wl,-z,pack-relative-relocs $(SAN) $(LDFLAGS)

SRC  := $(sort $(wildcard $(addsuffix /*.c,$(DIRS))))
OBJ  := $(SRC:%.c=$(O)/obj/%.o)
LIB  := $(O)/libcompose.a
# What waits for the kernel, the disk or the network is made small; what every command runs over the whole model is made fast.
FAST := compose/base/% compose/logs/% graph/% $(addprefix parser/,canon check interp level node normal paths print print_yaml \
	rules schema unique value yaml)
ifeq ($(origin OPT),file)
$(filter-out $(FAST:%=$(O)/obj/%.o),$(OBJ)): OPT := -Os -g
endif
UNIT ?= $(sort $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*.c)))
UNIT_BIN := $(UNIT:%=$(O)/tests/unit/%)
ALL_C := $(sort $(shell find parser graph compose tests -name '*.[ch]' 2>/dev/null))

.PHONY: all debug asan deps demo test check check-unit check-golden check-cli check-e2e check-faults check-peers fuzz-smoke \
	bench layers metrics tidy analyze cppcheck format format-check install clean compdb units

all: $(O)/compose

$(O)/compose: $(O)/obj/compose/main.o $(LIB)
	@echo "  LD      $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $< $(LIB) $(LIBS)
	$(Q)ln -sf compose $(O)/compose-oci

$(LIB): $(OBJ)
	@echo "  AR      $@"
	$(Q)rm -f $@ && $(AR) rcs $@ $(OBJ)

$(O)/obj/%.o: %.c Makefile
	@echo "  CC      $<"
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(O)/tests/unit/%: tests/unit/%.c $(LIB) tests/tap.h
	@echo "  CC      $<"
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -MMD -MP -MF $@.d -o $@ $< $(LIB) $(LIBS)

units: $(UNIT_BIN)

# Instrumented code misleads gcc's warnings about values: they are no errors here.
asan:
	$(Q)$(MAKE) O=$(O)/asan SAN="-fsanitize=address,undefined -fno-omit-frame-pointer -Wno-error" OPT="-O1 -g" all units

debug:
	$(Q)$(MAKE) O=$(O)/debug OPT="-O0 -g3" all

deps:
	$(Q)tests/tools/deps.sh

demo: deps
	$(Q)$(MAKE) all
	$(Q)COMPOSE=$(O)/compose tests/tools/demo.sh

SUITES ?= unit golden cli e2e
test: deps
	$(Q)$(MAKE) all units layers
	$(Q)O=$(O) tests/run.sh $(SUITES)

check: all units
	$(Q)O=$(O) tests/run.sh
check-unit: units
	$(Q)O=$(O) tests/run.sh unit
check-golden: all units
	$(Q)O=$(O) tests/run.sh golden
check-cli: all
	$(Q)O=$(O) tests/run.sh cli
check-e2e: all
	$(Q)O=$(O) tests/run.sh e2e
# kill -9 at random, CYCLES times (SEED=N: the same again)
check-faults: all
	$(Q)O=$(O) CYCLES=$(or $(CYCLES),200) tests/e2e/faults.sh
check-peers: all
	$(Q)O=$(O) tests/run.sh peers

# An emulated machine with cgroup v2: needs qemu (tests/tools/deps.sh --vm), skipped without.
.PHONY: check-vm
check-vm: all units
	$(Q)O=$(O) FILE_LIMIT=1800 tests/run.sh vm

layers:
	$(Q)tests/layers.sh
metrics:
	$(Q)tests/metrics.sh

tidy:
	$(Q)printf '%s\n' $(SRC) compose/main.c | xargs -P $$(nproc) -n 8 sh -c 'clang-tidy --quiet "$$@" -- -D_GNU_SOURCE \
		-std=$(STD) -I. -DCOMPOSE_VERSION="\"0\"" -include compose/base/banned.h 2>&1' tidy | \
		awk '!/warnings generated/ { print; bad = 1 } END { exit bad }'
analyze:
	$(Q)$(MAKE) O=$(O)/analyze CC=gcc OPT="-O1 -fanalyzer -Wno-analyzer-use-of-uninitialized-value" all
cppcheck:
	$(Q)cppcheck -q --error-exitcode=1 --enable=warning,performance,portability --std=c11 -D_GNU_SOURCE -D__x86_64__ \
		-DCOMPOSE_VERSION='"0"' --include=tests/tools/cppcheck.h -I. --inline-suppr \
		$(addprefix --suppress=,missingIncludeSystem varFuncNullUB internalAstError funcArgOrderDifferent incorrectLogicOperator arrayIndexThenCheck) \
		parser graph compose
format:
	$(Q)clang-format -i $(ALL_C)
format-check:
	$(Q)clang-format --dry-run -Werror $(ALL_C)

bench: all
	@mkdir -p $(O)/bench
	$(Q)for p in timer floor events; do $(CC) -std=$(STD) -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -o $(O)/bench/$$p \
		tests/bench/$$p.c $$([ $$p != events ] || echo -lyaml) || exit 1; done
	$(Q)O=$(O) tests/bench/run.sh

fuzz-smoke:
	$(Q)tests/fuzz/run.sh $(O)

install: all
	install -D -m 0755 $(O)/compose $(DESTDIR)$(PREFIX)/bin/compose
	ln -sf compose $(DESTDIR)$(PREFIX)/bin/compose-oci

compdb:
	$(Q)bear -- $(MAKE) -B all

clean:
	rm -rf $(O)

-include $(OBJ:.o=.d) $(O)/obj/compose/main.d $(UNIT_BIN:%=%.d)
