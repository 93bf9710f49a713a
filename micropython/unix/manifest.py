include("$(MPY_DIR)/extmod/asyncio")
freeze("modules")
package("modhttp", base_path="../../python")
freeze("../../python/compat")
