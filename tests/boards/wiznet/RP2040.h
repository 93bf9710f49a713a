// The register that pends PendSV.
typedef struct {
    unsigned ICSR;
} SCB_Type;
extern SCB_Type *SCB;
#define SCB_ICSR_PENDSVSET_Msk (1u << 28)
