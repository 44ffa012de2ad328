# SPDX-License-Identifier: GPL-2.0
# For the Kbuild file of a driver that is built outside of the kernel's tree:
#
#	ifneq ($(KBUILD_EXTMOD),)
#	include /usr/share/cdevm/cdevm.mk
#	endif
#
# #include <linux/cdevm.h> is found then, and so are the symbols of cdevm.ko. A kernel that has cdevm built in needs
# nothing of this.
ifeq ($(CONFIG_CDEVM),)
ccflags-y += -I/usr/src/cdevm-@VERSION@/include

# Where dkms keeps the module that it has built.
cdevm-symvers := $(wildcard /var/lib/dkms/cdevm/@VERSION@/$(KERNELRELEASE)/*/Module.symvers)
# There is no release in make clean, which needs no symbols.
ifeq ($(cdevm-symvers)$(if $(KERNELRELEASE),,clean),)
$(error cdevm is not built for Linux $(KERNELRELEASE): dkms install cdevm/@VERSION@ -k $(KERNELRELEASE))
endif
KBUILD_EXTRA_SYMBOLS += $(cdevm-symvers)
endif
