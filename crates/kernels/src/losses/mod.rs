//! One file a loss, and the registry that declares and exports them.

/// Calls a macro with every loss: its driver, its module (which names its export), its type.
#[macro_export]
macro_rules! registry {
    ($each:ident) => {
        $each! {
            pointwise bce::Bce;
            pointwise bce_with_logits::BceWithLogits;
            pointwise bce_with_logits_weighted::BceWithLogitsWeighted;
            rowwise ciou::Ciou;
            whole clip::Clip;
            rowwise cosine_embedding::CosineEmbedding;
            rowwise cosine_similarity::CosineSimilarity;
            rowwise cross_entropy::CrossEntropy;
            whole ctc::Ctc;
            rowwise dice::Dice;
            rowwise diou::Diou;
            rowwise distillation_kl::DistillationKl;
            pointwise dpo::Dpo;
            pointwise gaussian_nll::GaussianNll;
            rowwise giou::Giou;
            pointwise hinge::Hinge;
            pointwise hinge_embedding::HingeEmbedding;
            pointwise huber::Huber;
            whole info_nce::InfoNce;
            rowwise jensen_shannon::JensenShannon;
            pointwise kl_div::KlDiv;
            pointwise l1::L1;
            whole linear_cross_entropy::LinearCrossEntropy;
            pointwise log_cosh::LogCosh;
            pointwise log_sigmoid::LogSigmoid;
            rowwise log_softmax::LogSoftmax;
            rowwise log_sum_exp::LogSumExp;
            pointwise margin_ranking::MarginRanking;
            pointwise mse::Mse;
            rowwise multi_label_margin::MultiLabelMargin;
            rowwise multi_label_soft_margin::MultiLabelSoftMargin;
            rowwise multi_margin::MultiMargin;
            rowwise nll::Nll;
            whole nt_xent::NtXent;
            rowwise pairwise_distance::PairwiseDistance;
            pointwise poisson_nll::PoissonNll;
            rowwise poly::Poly;
            pointwise quantile::Quantile;
            whole sig_lip::SigLip;
            pointwise sigmoid::Sigmoid;
            pointwise sigmoid_focal::SigmoidFocal;
            pointwise smooth_l1::SmoothL1;
            pointwise soft_margin::SoftMargin;
            rowwise softmax::Softmax;
            rowwise softmax_focal::SoftmaxFocal;
            pointwise softplus::Softplus;
            rowwise sparsemax::Sparsemax;
            pointwise squared_hinge::SquaredHinge;
            whole sup_con::SupCon;
            rowwise triplet_margin::TripletMargin;
            rowwise triplet_margin_cosine::TripletMarginCosine;
            rowwise tversky::Tversky;
        }
    };
}

macro_rules! declare {
    ($($driver:ident $module:ident :: $loss:ident;)*) => {
        $(pub mod $module;)*
    };
}

registry!(declare);
