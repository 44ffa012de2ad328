/* SPDX-License-Identifier: GPL-2.0 */
/*
 * cdevm as a module: its configuration, which a kernel that has cdevm built in
 * keeps in its .config. The layout of what drivers embed depends on it, so it
 * belongs to the headers, and is the same for all kernels.
 */
#ifndef _LINUX_CDEVM_CONFIG_H
#define _LINUX_CDEVM_CONFIG_H

#define CONFIG_RESMGR_GATE	1
#define CONFIG_CDEVM		1
#define CONFIG_RESMGR_DEBUG	1

/*
 * A driver that was built with other headers is not to be loaded. Not all kernels
 * have versions of symbols, so what sets up each thing that drivers embed has one
 * in its name: a hash of the headers, which tools/dkms.sh puts here.
 */
#define CDEVM_VERSIONED_(name, version)	name##_##version
#define CDEVM_VERSIONED(name, version)	CDEVM_VERSIONED_(name, version)
#define __devm_cdevm_alloc	CDEVM_VERSIONED(__devm_cdevm_alloc, CDEVM_HEADERS)
#define __cdevm_alloc		CDEVM_VERSIONED(__cdevm_alloc, CDEVM_HEADERS)
#define __resmgr_gate_init	CDEVM_VERSIONED(__resmgr_gate_init, CDEVM_HEADERS)
#define __resmgr_init		CDEVM_VERSIONED(__resmgr_init, CDEVM_HEADERS)

#endif /* _LINUX_CDEVM_CONFIG_H */
